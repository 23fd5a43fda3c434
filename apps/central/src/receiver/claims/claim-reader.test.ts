import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { CLAIM_LIMITS } from "./claim.ts";
import { readerOf } from "./claim-reader.ts";
import { field, otlpRequest } from "./fixture-messages.test.ts";

const PING = "/skywalking.v3.ManagementService/keepAlive";
const ping = field(1, "demo");

/** What a call claims by its head and one message, or why that cannot be read. */
function told(
  path: string,
  headers: Readonly<Record<string, string>>,
  message: Buffer,
  compressed?: boolean,
): string {
  const isGrpc = compressed !== undefined;
  const reader = readerOf({ path, headers, isGrpc });
  const found = "unreadable" in reader ? reader : reader.read(message, compressed === true);
  return "unreadable" in found
    ? `unreadable: ${found.unreadable}`
    : found.claims.map(({ text }) => text).join(", ");
}

const filled = (bytes: number): Buffer =>
  gzipSync(Buffer.concat([ping, field(9, Buffer.alloc(bytes - ping.length - 5))]));

const grpc = (message: Buffer, compressed: boolean, headers: Record<string, string> = {}) =>
  told(PING, { "content-type": "application/grpc", ...headers }, message, compressed);

describe("readerOf, for gRPC", () => {
  it("reads messages as they are and packed with gzip or deflate, one by one", () => {
    assert.equal(grpc(ping, false), "demo");
    assert.equal(grpc(ping, false, { "grpc-encoding": "snappy" }), "demo");
    assert.equal(grpc(gzipSync(ping), true, { "grpc-encoding": "gzip" }), "demo");
    assert.equal(grpc(deflateSync(ping), true, { "grpc-encoding": "deflate" }), "demo");
    assert.equal(grpc(ping, false, { "content-type": "application/grpc+proto" }), "demo");
  });

  it("cannot read what is packed otherwise, damaged, or not protobuf", () => {
    const snappy = grpc(ping, true, { "grpc-encoding": "snappy" });
    assert.equal(snappy, "unreadable: it is packed with 'snappy', which is not unpacked here");
    assert.match(grpc(ping, true), /packed with 'identity'/);
    assert.match(grpc(ping, true, { "grpc-encoding": "gzip" }), /it is damaged/);
    assert.match(grpc(ping, true, { "grpc-encoding": "gzip,gzip" }), /is not unpacked here/);
    assert.match(grpc(ping, false, { "content-type": "application/grpc+json" }), /not protobuf/);
    assert.match(told("/a.B/C", {}, ping, false), /does not know what \/a.B\/C takes/);
  });

  it("A29: a small message that unpacks to one byte too many is given up, and one that fits is read", () => {
    const { messageBytes: most } = CLAIM_LIMITS;
    const gzip = { "grpc-encoding": "gzip" };
    assert.equal(grpc(filled(most), true, gzip), "demo");
    assert.match(grpc(filled(most + 1), true, gzip), /it unpacks to more than 4194304 bytes/);
  });
});

describe("readerOf, for plain HTTP", () => {
  const otlp = otlpRequest([[["service.name", "demo"]]]);
  const json = Buffer.from('{"service":"demo"}');
  const protobuf = { "content-type": "application/x-protobuf" };

  it("reads OTLP as protobuf and as JSON, packed too, and SkyWalking's JSON", () => {
    assert.equal(told("/v1/traces?x=1", protobuf, otlp), "demo");
    const gzip = { ...protobuf, "content-encoding": "gzip" };
    assert.equal(told("/v1/logs", gzip, gzipSync(otlp)), "demo");
    const typed = { "content-type": "Application/JSON; charset=utf-8" };
    assert.equal(told("/v3/management/keepAlive", typed, json), "demo");
    assert.equal(told("/v1/metrics", typed, Buffer.from("{}")), "");
  });

  it("cannot read another path, another type, another packing", () => {
    assert.match(told("/v1/traces/", protobuf, otlp), /does not know what this path takes/);
    assert.match(told("/v1/%74races", protobuf, otlp), /does not know/);
    assert.match(told("/v1/traces", {}, otlp), /content-type/);
    assert.match(told("/v3/segments", protobuf, otlp), /content-type/, "its servers take JSON");
    const packed = { ...protobuf, "content-encoding": "gzip, gzip" };
    assert.match(told("/v1/traces", packed, otlp), /not unpacked/);
  });
});
