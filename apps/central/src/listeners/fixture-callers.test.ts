/* Equipment: a ring of one key, and callers of every level that say one thing over HTTP. No tests of its own. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { basicPsk, dialAdvanced, dialBasic } from "@tautline/link";
import { deriveSharedKey } from "@tautline/pki";
import type { KeyRing, LiveKey } from "../keys/key-ring.ts";

const TIMEOUT_MS = 10_000;
/** Text of the key `legacy` that these callers have. */
export const KEY_TEXT = "a key of the tests that is long enough to be strong: 2c81f0aa97";
export const SHARED_KEY: Buffer = await deriveSharedKey(KEY_TEXT, {
  namespace: "default",
  name: "legacy",
});
const ONE_KEY: LiveKey = {
  name: "legacy",
  version: 1,
  namespace: "default",
  isInUse: true,
  agentId: undefined,
  sharedKey: SHARED_KEY,
  basicPsk: basicPsk(SHARED_KEY),
};

/** A ring with the key `legacy`. */
export function oneKey(): KeyRing {
  return {
    find: ({ name, version }) =>
      name === ONE_KEY.name && (version ?? ONE_KEY.version) === ONE_KEY.version ? [ONE_KEY] : [],
    noteUse: () => {},
  };
}

/** A connection, half-open allowed. */
export async function dialTcp(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

const dialling = (port: number) => ({
  key: { name: "legacy" },
  isBound: false,
  address: `127.0.0.1:${port}`,
  timeoutMs: TIMEOUT_MS,
  now: Date.now,
});

/** Dials at the level basic with the key `legacy`. */
export async function dialAtBasic(port: number) {
  return dialBasic(await dialTcp(port), { ...dialling(port), psk: basicPsk(SHARED_KEY) });
}

/** Dials at the level advanced with the key `legacy`. */
export async function dialAtAdvanced(port: number) {
  const options = { ...dialling(port), host: "127.0.0.1", sharedKey: SHARED_KEY };
  return dialAdvanced(await dialTcp(port), options);
}

/** One poll of somebody whose proof of identity is none, which is refused at every level. */
export const POLL = request("POST /v1/opamp", {
  "tautline-proof": "none",
  "content-type": "application/x-protobuf",
  "content-length": "0",
});

/** Writes the head of a request. */
export function request(
  line: string,
  headers: Readonly<Record<string, string>> = {},
  host = "localhost",
): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\nhost: ${host}\r\n${lines.join("")}\r\n`;
}

/** What one request on a stream is answered with, as it is on the wire; the stream stays open. */
export async function ask(stream: Duplex, text: string): Promise<string> {
  let answer = "";
  const { promise, resolve } = Promise.withResolvers<string>();
  const take = (part: Buffer): void => {
    answer += part.toString("latin1");
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Number.NaN);
    if (body.length >= length) resolve(answer);
  };
  stream.on("data", take);
  stream.once("close", () => resolve(answer));
  stream.write(text);
  await promise;
  stream.off("data", take);
  return answer;
}

/** Status and code of an answer. */
export function told(answer: string): string {
  const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "none";
  const code = /"code":"([a-z_.]+)"/.exec(answer)?.[1] ?? "none";
  return `${status} ${code}`;
}

/** Resolves when the other end has closed a stream, whatever comes before. */
export async function closed(stream: Duplex): Promise<void> {
  stream.on("error", () => {}).once("end", () => stream.end());
  if (stream.readableEnded) stream.end();
  stream.resume();
  if (!stream.closed) await new Promise<void>((resolve) => stream.once("close", resolve));
}
