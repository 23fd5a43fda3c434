import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { OTLP_SHAPE, shapeOfMethod } from "./claim-shapes.ts";
import { field, googleClass, googleMessage, otlpRequest } from "./fixture-messages.test.ts";
import { readClaims } from "./read-claims.ts";
import { readJsonClaims } from "./read-claims-json.ts";

const SHAPES = [
  OTLP_SHAPE,
  ...["TraceSegmentReportService/collect", "EBPFProcessService/reportProcesses"].map(
    (method) => shapeOfMethod(`/skywalking.v3.${method}`) ?? {},
  ),
];

const name = fc.string({ unit: "grapheme", maxLength: 12 });
const fields = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 9 }), fc.oneof(name, fc.uint8Array({ maxLength: 12 }))),
  { maxLength: 6 },
);
/** Bytes that are nearly a message: fields one in another, and a byte changed. */
const nearly = fc
  .tuple(fields, fields, fc.nat(), fc.option(fc.nat({ max: 255 })))
  .map(([outer, inner, at, byte]) => {
    const bytesOf = (of: typeof outer): Buffer =>
      Buffer.concat(of.map(([number, value]) => field(number, value)));
    const bytes = Buffer.concat([bytesOf(outer), field(1, field(1, bytesOf(inner)))]);
    if (byte !== null) bytes[at % bytes.length] = byte;
    return bytes;
  });

test("whatever the bytes, nothing is thrown", () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), nearly), (bytes) => {
      for (const shape of SHAPES) readClaims(Buffer.from(bytes), shape);
    }),
    { numRuns: 2_000 },
  );
});

test("a text that is no UTF-8 beside the names is not read over, for a real decoder reads on behind its end", () => {
  const bytes = Buffer.from([10, 2, 0xe0, 0, 34, 3, 97, 98, 99]);
  assert.deepEqual(readClaims(bytes.subarray(4), SEGMENT), {
    claims: [{ kind: "service", text: "abc" }],
    version: undefined,
  });
  assert.notDeepEqual(decoded(bytes), decoded(bytes.subarray(4)));
  assert.ok("unreadable" in readClaims(bytes, SEGMENT));
});

test("whatever the text, nothing is thrown of JSON", () => {
  const document = fc.json({ maxDepth: 4 });
  fc.assert(
    fc.property(fc.oneof(document, fc.string()), (text) => {
      for (const kind of ["otlp", "skywalking", "skywalking-event"] as const) {
        readJsonClaims(Buffer.from(text), kind);
      }
    }),
  );
});

const SEGMENT = shapeOfMethod("/skywalking.v3.TraceSegmentReportService/collect") ?? {};
const Segment = googleClass("language-agent/Tracing", "SegmentObject");

const decoded = (bytes: Buffer): readonly string[] => {
  try {
    const { service, serviceinstance } = Segment.deserializeBinary(bytes).toObject();
    return [`service ${String(service)}`, `instance ${String(serviceinstance)}`];
  } catch {
    // What no decoder takes is no claim.
    return [];
  }
};

test("whoever a real decoder takes a segment to be from is among the claims, or the message cannot be read", () => {
  const written = fc.record({ Traceid: name, Service: name, Serviceinstance: name });
  fc.assert(
    fc.property(
      fc.oneof(
        written.map((each) => Buffer.from(googleMessage(Segment, each).serializeBinary())),
        nearly,
      ),
      (bytes) => {
        const found = readClaims(bytes, SEGMENT);
        if ("unreadable" in found) return;
        const claims = new Set(found.claims.map(({ kind, text }) => `${kind} ${text}`));
        for (const each of decoded(bytes)) {
          if (!each.endsWith(" ")) assert.ok(claims.has(each), each);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

/** By the wire reader of the protobuf library, last one wins: as most decoders do it. */
function decodeNames(bytes: Uint8Array): readonly string[] {
  return lastMessages(bytes, 1).flatMap((spans) => {
    const pairs = lastMessages(spans, 1).flatMap((resource) => lastMessages(resource, 1));
    const named = pairs.flatMap((pair) => {
      const key = lastMessages(pair, 1).at(-1) ?? new Uint8Array();
      const value = lastMessages(pair, 2).at(-1) ?? new Uint8Array();
      const text = lastMessages(value, 1).at(-1);
      return text !== undefined && Buffer.from(key).toString() === "service.name"
        ? [Buffer.from(text).toString()]
        : [];
    });
    return named.slice(-1);
  });
}

function lastMessages(bytes: Uint8Array, number: number): Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [at, wireType] = reader.tag();
    if (at === number && wireType === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(wireType, at);
  }
  return found;
}

test("whatever a real reader takes for the names of OTLP's services is among the claims", () => {
  const attribute = fc.tuple(fc.constantFrom("service.name", "host.name", "service.x"), name);
  const resources = fc.array(fc.array(attribute, { maxLength: 3 }), { maxLength: 3 });
  fc.assert(
    fc.property(resources, (written) => {
      const bytes = otlpRequest(written);
      const found = readClaims(bytes, OTLP_SHAPE);
      assert.ok(!("unreadable" in found));
      const claims = new Set(found.claims.map(({ text }) => text));
      for (const each of decodeNames(bytes)) assert.ok(each === "" || claims.has(each), each);
    }),
  );
});
