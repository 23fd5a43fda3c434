import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { NO_BYTES, readWire, type WireCounts } from "./wire-kinds.ts";

const hello = Buffer.concat([Buffer.from([0x16, 3, 1, 0, 4]), Buffer.from("abcd")]);
const data = Buffer.concat([Buffer.from([0x17, 3, 3, 0, 3]), Buffer.from("xyz")]);
const preface = Buffer.concat([Buffer.from([0xf4, 0x54, 0x4c, 1, 1, 2]), Buffer.from("k1")]);
const frame = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from([0, bytes]), Buffer.alloc(bytes, 7)]);
const refusal = Buffer.concat([Buffer.from([0xf4, 0x54, 0x4c, 1, 0, 0, 2]), Buffer.from("{}")]);
const http = Buffer.from("GET /v1/opamp HTTP/1.1\r\n\r\n");

interface Case {
  readonly what: string;
  readonly dialler: readonly Buffer[];
  readonly listener?: readonly Buffer[];
  readonly counts: Partial<WireCounts>;
}

const CASES: readonly Case[] = [
  { what: "TLS", dialler: [hello, data], listener: [hello, data], counts: { tls: 34 } },
  {
    what: "an alert for an answer",
    dialler: [hello],
    listener: [Buffer.from([0x15, 3, 1, 0, 2, 2, 40])],
    counts: { tls: 16 },
  },
  {
    what: "HTTP in clear, and its answer",
    dialler: [http],
    listener: [Buffer.from("HTTP/1.1 403\r\n")],
    counts: { plain: http.length + 14 },
  },
  {
    what: "HTTP inside what began as TLS",
    dialler: [hello, http],
    counts: { tls: 9, plain: http.length },
  },
  {
    what: "an opening of basic that is refused",
    dialler: [preface, frame(48)],
    listener: [refusal],
    counts: { opening: 58, refusal: 9 },
  },
  {
    what: "a link of basic",
    dialler: [preface, frame(48), frame(20)],
    listener: [frame(48), frame(30)],
    counts: { opening: 58, basic: 22 + 50 + 32 },
  },
  {
    what: "what comes behind a refusal",
    dialler: [preface],
    listener: [refusal, http],
    counts: { opening: 8, refusal: 9, plain: http.length },
  },
  {
    what: "a record longer than there are",
    dialler: [Buffer.from([0x16, 3, 1, 0xff, 0xff])],
    counts: { plain: 5 },
  },
];

for (const { what, dialler, listener = [], counts } of CASES) {
  test(`F23: bytes are told apart: ${what}`, () => {
    const wire = readWire();
    const said = [...dialler.map(wire.dialler), ...listener.map(wire.listener)];
    assert.deepEqual(sumOf(said), { ...NO_BYTES, ...counts });
  });

  test(`F23: they are told apart the same however they are cut: ${what}`, () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const wire = readWire();
        const said = [
          ...cut(Buffer.concat(dialler), sizes).map(wire.dialler),
          ...cut(Buffer.concat(listener), sizes).map(wire.listener),
        ];
        assert.deepEqual(sumOf(said), { ...NO_BYTES, ...counts });
      }),
    );
  });
}

test("F23: any bytes are counted, each once, but for those that are too few to tell", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (pieces) => {
      const wire = readWire();
      const counted = Object.values(sumOf(pieces.map(wire.dialler)));
      const sent = pieces.reduce((sum, { length }) => sum + length, 0);
      assert.equal(counted.reduce((sum, each) => sum + each, 0) + wire.untold, sent);
      assert.ok(wire.untold < 7);
    }),
  );
});

function sumOf(counts: readonly WireCounts[]): WireCounts {
  const sum: Record<string, number> = { ...NO_BYTES };
  for (const each of counts)
    for (const [kind, bytes] of Object.entries(each)) sum[kind] = (sum[kind] ?? 0) + bytes;
  return sum as WireCounts;
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
