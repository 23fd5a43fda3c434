import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { deflateRawSync, gzipSync } from "node:zlib";
import { describe, it } from "node:test";
import { BASIC_MAGIC } from "@tautline/link";
import {
  CAPABILITY_ENROLMENT,
  customMessage,
  decodeFrame,
  decodeServerToAgent,
  fromWireText,
  LIMITS,
  makeAgentId,
} from "@tautline/protocol";
import { joinByHand, type HandMadeAgent } from "../interop/hand-made-agent.ts";
import { until } from "../until.ts";
import {
  dialAt,
  dialTcp,
  type EveryLevel,
  goodAgent,
  helloOf,
  refusals,
  residentBytes,
  statusFrame,
  type TalkLevel,
  untilClosed,
  untilRefused,
  whileTalking,
  withEveryLevel,
} from "./every-level.ts";

const MIB = 1024 * 1024;
const MAY_GROW = 50 * MIB;
const DEEP = 100_000;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING] = [0, 1, 2, 8, 9];
const PART = Buffer.alloc(64 * 1024);

/** One frame of a WebSocket client; the mask is zero, so what is sent is what it says. */
function frame(opcode: number, payload: Uint8Array, { fin = true, rsv1 = false } = {}): Buffer {
  return Buffer.concat([frameHead(opcode, payload.length, { fin, rsv1 }), payload]);
}

function frameHead(opcode: number, length: number, { fin = true, rsv1 = false } = {}): Buffer {
  const head = Buffer.alloc(14);
  head[0] = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  if (length < 126) {
    head[1] = 0x80 | length;
    return Buffer.concat([head.subarray(0, 2), Buffer.alloc(4)]);
  }
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** Sends on until all is sent or the other end has closed, no faster than it is read. */
async function pour(stream: Duplex, parts: Iterable<Uint8Array>): Promise<void> {
  const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
  for (const part of parts) {
    if (stream.destroyed || !stream.writable) return;
    if (!stream.write(part)) {
      const drained = once(stream, "drain").then(
        () => {},
        () => {},
      );
      await Promise.race([drained, closed]);
    }
  }
}

function* times(count: number, part: Uint8Array): Iterable<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield part;
}

const repeated = (part: Uint8Array, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => part));

interface Bomb {
  readonly what: string;
  readonly parts: () => Iterable<Uint8Array>;
  /** How the WebSocket is closed; null where it is cut without a word. */
  readonly status: number | null;
}

/** What is thrown at an open WebSocket. */
const WEBSOCKET_BOMBS: readonly Bomb[] = [
  {
    what: "a frame of 90 MB",
    *parts() {
      yield frameHead(BINARY, 90 * MIB);
      yield* times((90 * MIB) / PART.length, PART);
    },
    status: 1009,
  },
  {
    what: "a million empty fragments",
    *parts() {
      yield frame(BINARY, Buffer.alloc(1), { fin: false });
      const many = repeated(frame(CONTINUATION, Buffer.alloc(0), { fin: false }), 10_000);
      yield* times(100, many);
    },
    status: 1008,
  },
  {
    what: "a million fragments of one byte",
    *parts() {
      yield frame(BINARY, Buffer.alloc(1), { fin: false });
      yield* times(100, repeated(frame(CONTINUATION, Buffer.alloc(1), { fin: false }), 10_000));
    },
    status: 1008,
  },
  {
    what: "a compressed bomb",
    *parts() {
      yield frame(BINARY, deflateRawSync(Buffer.alloc(64 * MIB)), { rsv1: true });
    },
    status: 1002,
  },
  {
    what: "a million pings that nobody listens to the answers of",
    *parts() {
      yield* times(100, repeated(frame(PING, Buffer.alloc(125)), 10_000));
    },
    status: null,
  },
  {
    what: "texts where binary is spoken",
    *parts() {
      yield* times(100, frame(TEXT, Buffer.alloc(1_000, "[")));
    },
    status: 1008,
  },
];

const UPGRADE = [
  "GET /v1/opamp HTTP/1.1",
  "host: localhost",
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  `sec-websocket-key: ${randomBytes(16).toString("base64")}`,
  "sec-websocket-extensions: permessage-deflate; client_max_window_bits",
];

/** Upgrades by hand, offering compression; what is spoken then is up to the test. */
async function upgrade(stream: Duplex): Promise<void> {
  stream.on("error", () => {});
  stream.write(`${UPGRADE.join("\r\n")}\r\n\r\n`);
  let said = "";
  while (!said.includes("\r\n\r\n")) {
    const [chunk] = (await once(stream, "data")) as [Buffer];
    said += chunk.toString("latin1");
  }
  assert.match(said, /^HTTP\/1\.1 101 /);
  assert.doesNotMatch(said, /sec-websocket-extensions/i);
}

/** The status of the last close frame that a server sent. */
function closeStatus(said: Buffer): number | null {
  const closing: number[] = [];
  for (let at = 0; at + 4 <= said.length;) {
    const short = said.readUInt8(at + 1);
    const length = short === 126 ? said.readUInt16BE(at + 2) : short;
    const start = at + (short === 126 ? 4 : 2);
    if ((said.readUInt8(at) & 15) === CLOSE) closing.push(said.readUInt16BE(start));
    at = start + length;
  }
  return closing.at(-1) ?? null;
}

/** What is said before anybody knows who calls, in clear, and what is answered. */
function openings(
  hello: Buffer,
): readonly [string, TalkLevel, () => Iterable<Uint8Array>, RegExp][] {
  const text = (...lines: readonly string[]): Buffer => Buffer.from(lines.join("\r\n"));
  const post = "POST /v1/opamp HTTP/1.1";
  const chunk = Buffer.concat([Buffer.from("10000\r\n"), PART, Buffer.from("\r\n")]);
  const preface = Buffer.concat([BASIC_MAGIC, Buffer.from([1, 1, 6]), Buffer.from("legacy")]);
  const http2 = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
  const h2 = (type: number, payload: number): Buffer => {
    const head = Buffer.alloc(9 + payload);
    head.writeUIntBE(payload, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt32BE(1, 5);
    return head;
  };
  const always = (part: Uint8Array) => () => times(1_000, part);
// Whoever sends on and does not listen is cut, and may not hear why.
  const goaway = /^$|HTTP\/1\.1/s;
  return [
    [
      "10,000 headers",
      "plaintext",
      () => [text(post, ...Array.from({ length: 10_000 }, (_, i) => `x${i}: y`), "", "")],
      /^HTTP\/1\.1 4(13|31) /,
    ],
    [
      "a header line of a megabyte",
      "plaintext",
      () => [text(post, `x: ${"y".repeat(MIB)}`, "", "")],
      /^HTTP\/1\.1 4(13|31) /,
    ],
    [
      "a path of a megabyte",
      "plaintext",
      () => [text(`GET /${"y".repeat(MIB)} HTTP/1.1`, "", "")],
      /^HTTP\/1\.1 4(13|14|31) /,
    ],
    [
      "a poll without an end",
      "plaintext",
      function* endless() {
        yield text(
          post,
          "host: localhost",
          "content-type: application/x-protobuf",
          "transfer-encoding: chunked",
          "",
          "",
        );
        yield* times(1_000, chunk);
      },
      /^HTTP\/1\.1 413 .*opamp\.too_large/s,
    ],
    [
      "a poll that is a compressed bomb",
      "plaintext",
      () => {
        const body = gzipSync(Buffer.alloc(50 * MIB));
        const length = `content-length: ${body.length}`;
        const head = text(
          post,
          "host: localhost",
          "content-type: application/x-protobuf",
          "content-encoding: gzip",
          length,
          "",
          "",
        );
        return [head, body];
      },
      /^HTTP\/1\.1 413 .*opamp\.too_large/s,
    ],
    [
      "HTTP/2 with resets",
      "plaintext",
      () => [http2, ...always(repeated(Buffer.concat([h2(1, 0), h2(3, 4)]), 100))()],
      goaway,
    ],
    [
      "HTTP/2 with continuations without an end",
      "mtls",
      () => [http2, h2(1, 0), ...always(h2(9, 16_384))()],
      goaway,
    ],
    [
      "a basic frame of a wrong length",
      "basic",
      () => [preface, Buffer.from([0xff, 0xff]), ...always(PART)()],
      /^$/,
    ],
    [
      "a preface with a name that is too long",
      "basic",
      () => [BASIC_MAGIC, Buffer.from([1, 1, 255]), ...always(PART)()],
      /^$/,
    ],
    [
      "a record that is too long",
      "mtls",
      () => [Buffer.from([0x16, 3, 3, 0xff, 0xff, 1]), ...always(PART)()],
      /^.{0,100}$/s,
    ],
    [
      "a ClientHello of 16 MB",
      "mtls",
      () => [Buffer.from([0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]), ...always(PART)()],
      /^.{0,100}$/s,
    ],
    [
      "empty records of TLS",
      "mtls",
      () => [hello.subarray(0, 0), ...always(repeated(Buffer.from([0x16, 3, 3, 0, 0]), 1_000))()],
      /^.{0,100}$/s,
    ],
    ["what is nothing at all", "mtls", always(PART), /^$/],
  ];
}

/** Throws bombs while good agents talk, and looks at central's memory. */
async function withWitnesses(central: EveryLevel, work: () => Promise<void>): Promise<void> {
  await using plaintext = await goodAgent(central, "plaintext");
  await using basic = await goodAgent(central, "basic");
  await using mtls = await goodAgent(central, "mtls");
  const before = residentBytes(central);
  await whileTalking([plaintext, basic, mtls], async () => {
    await work();
    console.log("grown", (residentBytes(central) - before) / MIB);
    await until(async () => (residentBytes(central) <= before + MAY_GROW ? true : undefined));
  });
}

describe("F15, A29: bombs", () => {
  it("before anybody is known are refused in the caller's language", () =>
    withEveryLevel((central) =>
      withWitnesses(central, async () => {
        for (const [what, level, parts, answer] of openings(await helloOf({}))) {
          const socket = await dialTcp(central.portOf(level));
          const said = untilClosed(socket);
          await pour(socket, parts());
          assert.match((await said).toString("latin1"), answer, what);
        }
        for (const code of [
          "link.preface_malformed",
          "link.opening_unknown",
          "link.level_closed",
        ]) {
          assert.ok((await refusals(central, code)) > 0, code);
        }
      }),
    ));

  for (const level of ["plaintext", "basic", "mtls"] as const) {
    it(`on a WebSocket at ${level} are closed with their reason`, () =>
      withEveryLevel((central) =>
        withWitnesses(central, async () => {
          const identity: HandMadeAgent | undefined =
            level === "mtls" ? await joinByHand(await central.token(), central.folder) : undefined;
          for (const { what, parts, status } of WEBSOCKET_BOMBS) {
            const stream = await dialAt(central, level, identity);
            await upgrade(stream);
            if (status === null) {
              stream.pause();
              await pour(stream, parts());
            }
            const said = untilClosed(stream);
            if (status !== null) await pour(stream, parts());
            const closed = await said; console.log(level, what, Date.now() % 1000000, (residentBytes(central)/MIB));
            if (status !== null) assert.equal(closeStatus(closed), status, what);
          }
          await untilRefused(central, "opamp.too_large", 1);
        }),
      ));
  }
});
