import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { decodeKeptCall, encodeKeptCall } from "./kept-call.ts";

const call = fc.record({
  path: fc.string({ unit: "grapheme" }),
  isGrpc: fc.boolean(),
  headers: fc.array(fc.string()),
  client: fc.string({ unit: "grapheme" }),
  body: fc.uint8Array(),
});

test("a kept call is read as it was written", () => {
  fc.assert(
    fc.property(call, (one) => {
      const { body, ...head } = decodeKeptCall(encodeKeptCall(one));
      const { body: written, ...expected } = one;
      assert.deepEqual(JSON.parse(JSON.stringify(head)), JSON.parse(JSON.stringify(expected)));
      assert.deepEqual(new Uint8Array(body), written);
    }),
  );
});

test("other bytes are refused by name, and never otherwise", () => {
  const json = fc.json().map((text) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), json), (bytes) => {
      try {
        const read = decodeKeptCall(Buffer.from(bytes));
        assert.equal(typeof read.path, "string");
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "agent.edge_record_unknown");
      }
    }),
  );
});
