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
  statusFrame,
  type TalkLevel,
  untilClosed,
  untilRefused,
  whileTalking,
  withEveryLevel,
} from "./every-level.ts";
import { residentBytes } from "./held-memory.ts";

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
      const drained = new Promise<void>((resolve) => stream.once("drain", () => resolve()));
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
      yield frame(CLOSE, Buffer.from([1_000 >> 8, 1_000 & 255]));
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

const TOO_LARGE = /^HTTP\/1\.1 413 .*opamp\.too_large/s;
const POLL =
  "POST /v1/opamp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n";

/** Polls that are too large, without saying so. */
const POLLS: readonly (readonly [string, (limit: number) => Iterable<Uint8Array>])[] = [
  [
    "a poll without an end",
    function* endless(limit) {
      yield Buffer.from(`${POLL}transfer-encoding: chunked\r\n\r\n`);
      const chunk = Buffer.concat([Buffer.from("10000\r\n"), PART, Buffer.from("\r\n")]);
      yield* times(limit / PART.length, chunk);
      // Not a byte more than what is refused: an answer to whoever sends on can be lost in the reset.
      yield Buffer.from("1\r\nx\r\n");
    },
  ],
  [
    "a poll that is a compressed bomb",
    () => {
      const body = gzipSync(Buffer.alloc(50 * MIB));
      const lengths = `content-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`;
      return [Buffer.from(POLL + lengths), body];
    },
  ],
];

const text = (...lines: readonly string[]): Buffer => Buffer.from(lines.join("\r\n"));

/** A frame of HTTP/2 on stream 1. */
const h2 = (type: number, payload: number): Buffer => {
  const head = Buffer.alloc(9 + payload);
  head.writeUIntBE(payload, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt32BE(1, 5);
  return head;
};

const always = (part: Uint8Array) => () => times(1_000, part);

/** What is said before anybody knows who calls, in clear, and what is answered. */
function openings(
  hello: Buffer,
): readonly [string, TalkLevel, () => Iterable<Uint8Array>, RegExp][] {
  const post = "POST /v1/opamp HTTP/1.1";
  const preface = Buffer.concat([BASIC_MAGIC, Buffer.from([1, 1, 6]), Buffer.from("legacy")]);
  const http2 = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
  // Whoever sends on and does not listen is cut, and may not hear why.
  const goaway = /^$|HTTP\/1\.1|level_not_accepted/s;
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

type Throw = () => Promise<void>;

/** Throws bombs twice while good agents talk, and looks at what central's memory has grown by. */
async function withWitnesses(central: EveryLevel, throwBombs: Throw): Promise<void> {
  await using plaintext = await goodAgent(central, "plaintext");
  await using basic = await goodAgent(central, "basic");
  await using mtls = await goodAgent(central, "mtls");
  await whileTalking([plaintext, basic, mtls], async () => {
    // The first time a runtime also takes what it keeps for being busy, whatever it is busy with.
    for (const mayGrow of [2 * MAY_GROW, MAY_GROW]) {
      const before = residentBytes(central);
      await throwBombs();
      await until(async () => (residentBytes(central) <= before + mayGrow ? true : undefined));
    }
  });
}

/** Throws one WebSocket bomb; tells how it was closed. */
async function throwBomb(stream: Duplex, { parts, status }: Bomb): Promise<number | null> {
  await upgrade(stream);
  if (status === null) {
    stream.pause();
    await pour(stream, parts());
  }
  const said = untilClosed(stream);
  if (status !== null) await pour(stream, parts());
  return closeStatus(await said);
}

/** The code of the answer to one message on a new link. */
async function answerTo(stream: Duplex, message: Uint8Array): Promise<string | undefined> {
  await upgrade(stream);
  let said = Buffer.alloc(0);
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.on("data", (part: Buffer) => {
    said = Buffer.concat([said, part]);
    const short = said.length < 4 ? 127 : said.readUInt8(1);
    if (short < 126 && said.length >= 2 + short) resolve();
    if (short === 126 && said.length >= 4 + said.readUInt16BE(2)) resolve();
  });
  stream.write(frame(BINARY, message));
  await promise;
  stream.destroy();
  const start = said.readUInt8(1) === 126 ? 4 : 2;
  const limit = LIMITS.opampMessageBytes.value;
  const { errorResponse } = decodeServerToAgent(decodeFrame(said.subarray(start), limit), limit);
  return fromWireText(errorResponse?.errorMessage ?? "").code;
}

/** A message with an attribute that is a list in a list in a list, as deep as a limit lets it be. */
function deepMessage(id: string, maxBytes: number): Buffer {
  const sizes: number[] = [0];
  for (let size = 0; size < maxBytes - 200 && sizes.length < 2 * DEEP;) {
    size += 1 + varint(size).length;
    sizes.push(size);
  }
  const heads = sizes.slice(0, -1).map((size, index) => {
    // A list (field 1 of it) is a value's field 5.
    const field = index % 2 === 0 ? 0x0a : 0x2a;
    return Buffer.concat([Buffer.from([field]), varint(size)]);
  });
  const deep = Buffer.concat(heads.toReversed());
  const value = Buffer.concat([Buffer.from([0x0a, 1, 0x6b, 0x12]), varint(deep.length), deep]);
  const attribute = Buffer.concat([Buffer.from([0x0a]), varint(value.length), value]);
  return Buffer.concat([
    statusFrame(id, 0),
    Buffer.from([0x1a]),
    varint(attribute.length),
    attribute,
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left >>>= 7) bytes.push((left & 127) | 128);
  return Buffer.from([...bytes, left]);
}

const deepJson = (bytes: number): string => {
  const depth = Math.min(DEEP, Math.floor(bytes / 2));
  return "[".repeat(depth) + "]".repeat(depth);
};

describe("F15, A29: bombs", () => {
  it("before anybody is known are refused in the caller's language", () =>
    withEveryLevel(async (central) => {
      const all = openings(await helloOf({}));
      await withWitnesses(central, async () => {
        for (const [what, level, parts, answer] of all) {
          const socket = await dialTcp(central.portOf(level));
          const said = untilClosed(socket);
          await pour(socket, parts());
          assert.match((await said).toString("latin1"), answer, what);
        }
      });
      for (const code of ["link.preface_malformed", "link.opening_unknown", "link.level_closed"]) {
        assert.ok((await refusals(central, code)) > 0, code);
      }
    }));

  it("of deep JSON are refused by the API", () =>
    withEveryLevel(async (central) => {
      const deep = JSON.parse(deepJson(2 * DEEP)) as unknown;
      await assert.rejects(central.call("POST", "/api/v1/tokens", deep), /value\.json/);
    }));

  for (const level of ["plaintext", "basic", "mtls"] as const) {
    it(`on a link at ${level} are closed with their reason`, () =>
      withEveryLevel(async (central) => {
        const identity: HandMadeAgent | undefined =
          level === "mtls" ? await joinByHand(await central.token(), central.folder) : undefined;
        const id = identity?.id ?? makeAgentId(Date.now(), randomBytes(10));
        const { opampMessageBytes, opampUnprovenMessageBytes } = LIMITS;
        const limit = (level === "mtls" ? opampMessageBytes : opampUnprovenMessageBytes).value;
        const said = deepJson(limit - 1_000);
        const custom = customMessage(CAPABILITY_ENROLMENT, "request", Buffer.from(said));
        await withWitnesses(central, async () => {
          for (const bomb of WEBSOCKET_BOMBS) {
            const stream = await dialAt(central, level, identity);
            assert.equal(await throwBomb(stream, bomb), bomb.status, bomb.what);
          }
          for (const [what, parts] of POLLS) {
            const stream = await dialAt(central, level, identity);
            const answer = untilClosed(stream);
            await pour(stream, parts(limit));
            assert.match((await answer).toString("latin1"), TOO_LARGE, what);
          }
          const stream = await dialAt(central, level, identity);
          assert.equal(await answerTo(stream, deepMessage(id, limit)), "opamp.malformed");
          const other = await dialAt(central, level, identity);
          // Nobody looks into what an agent sends for a capability that has nothing to say to it; who has no identity is told so.
          const expected = level === "mtls" ? undefined : "admission.identity_required";
          const answer = await answerTo(other, statusFrame(id, 0, { customMessage: custom }));
          assert.equal(answer, expected);
        });
        await untilRefused(central, "opamp.too_large", 2 * (1 + POLLS.length));
      }));
  }
});
