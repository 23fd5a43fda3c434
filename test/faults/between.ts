/* Equipment of the tests of downgrades: somebody who stands between an agent and central. No tests of its own. */
import { connect, createServer, type Socket } from "node:net";
import { encodeBasicRefusal } from "@tautline/link";
import { listenOnAnyPort } from "@tautline/testing";

/** First bytes of connections (docs/reference/links.md). */
export const OPENING = { tls: 0x16, basic: 0xf4 } as const;

/** What somebody between an agent and central does to one connection. */
export type Meddling = (near: Socket, targetPort: number) => void;

/** Something that is done, by name. */
export type Kind = readonly [string, Meddling];

/** Somebody who stands between. */
export interface Between extends AsyncDisposable {
  readonly port: number;
  /** Where it leads. */
  target: number;
  /** What is still to be done, one to each connection; after that all is passed on. */
  meddling: readonly Kind[];
  /** What each connection began with: its first byte. */
  readonly openings: number[];
  /** Resets every connection that there is. */
  cut(): void;
}

/** Passes on, with what an end says changed on the way. */
export function passing(
  change: (bytes: Buffer, at: number) => Buffer = (bytes) => bytes,
  resetAfter = Infinity,
): Meddling {
  return (near, targetPort) => {
    const far = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true });
    let said = 0;
    near.on("data", (bytes: Buffer) => {
      far.write(change(bytes, said));
      said += bytes.length;
      if (said >= resetAfter) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    });
    far.on("data", (bytes: Buffer) => near.write(bytes));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => {}).on("close", () => other.destroy());
      one.on("end", () => other.end());
    }
  };
}

/** Answers itself, to the first words of a caller, and ends. */
export const answering =
  (answer: string | Uint8Array): Meddling =>
  (near) => {
    near.once("data", () => near.end(answer));
  };

/** Changes bytes from a place on in what a caller says. */
export const replacing =
  (at: number, bytes: readonly number[] | Uint8Array): ((chunk: Buffer, start: number) => Buffer) =>
  (chunk, start) => {
    const changed = Buffer.from(chunk);
    for (const [index, byte] of bytes.entries()) {
      const place = at + index - start;
      if (place >= 0 && place < changed.length) changed[place] = byte;
    }
    return changed;
  };

/** Stands between callers and a port of this host. */
export async function standBetween(): Promise<Between> {
  const openings: number[] = [];
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    near.on("error", () => {});
    open.add(near.once("close", () => open.delete(near)));
    near.once("readable", () => {
      const first = near.read() as Buffer | null;
      if (first === null) return near.destroy();
      openings.push(first.readUInt8(0));
      const [kind, ...later] = between.meddling;
      between.meddling = later;
      const [, doTo] = kind ?? ["nothing", passing()];
      doTo(near, between.target);
      near.unshift(first);
      return undefined;
    });
  });
  const { port, close } = await listenOnAnyPort(server);
  const between: Between = {
    port,
    target: 0,
    meddling: [],
    openings,
    cut: () => {
      for (const near of open) near.resetAndDestroy();
    },
    [Symbol.asyncDispose]: close,
  };
  return between;
}

const HTTP_426 =
  "HTTP/1.1 426 Upgrade Required\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\ntautline-offer: 0.0.1; levels=plaintext\r\nconnection: close\r\n\r\n{}";
const LOWER = {
  code: "admission.level_not_accepted",
  text: "Central does not accept the level here. Central offers plaintext.",
  remedy: "Set the agent's level to plaintext.",
};

/** What is done to any agent. */
export const TO_ANY: readonly Kind[] = [
  ["TLS stripped, refused in clear", answering(HTTP_426)],
  ["TLS stripped, answered in clear", answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")],
  ["a refusal frame that names plaintext", answering(encodeBasicRefusal(LOWER))],
  ["an alert: insufficient security", answering(Buffer.from([0x15, 3, 3, 0, 2, 2, 71]))],
  ["an alert: protocol version", answering(Buffer.from([0x15, 3, 3, 0, 2, 2, 70]))],
  ...[1, 6, 60, 300].map((at) => [`a reset at byte ${at}`, passing(undefined, at)] as const),
];

export const TO_TLS: readonly Kind[] = [
  ["the record's version lowered to SSL 3.0", passing(replacing(9, [3, 0]))],
  ["a session id changed", passing(replacing(50, [0xff]))],
];
