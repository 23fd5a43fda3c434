import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  decodeAuditHead,
  decodeCheckpointNews,
  decodeForkReport,
  encodeAuditHead,
  encodeCheckpointNews,
  encodeForkReport,
  type SignedCheckpoint,
} from "./audit-messages.ts";
import { isTautlineError } from "./error.ts";

const bytes = fc.uint8Array({ maxLength: 128 });
const text = fc.string({ unit: "grapheme" });
const plain = { noNullPrototype: true };
const signedText = fc.record({ body: text, signature: bytes }, plain);
const signed: fc.Arbitrary<SignedCheckpoint> = fc.record(
  { body: text, signature: bytes, key: signedText },
  plain,
);

test("what central and agents tell each other of the trail is read back as it was written", () => {
  fc.assert(
    fc.property(signed, signed, fc.array(text, { maxLength: 20 }), (one, other, earlier) => {
      const news = { earlier, newest: one };
      assert.deepEqual(decodeCheckpointNews(encodeCheckpointNews(news)), news);
      assert.deepEqual(decodeAuditHead(encodeAuditHead(one)), one);
      const report = { seen: one, shown: other };
      assert.deepEqual(decodeForkReport(encodeForkReport(report)), report);
    }),
  );
});

test("any other bytes are refused with a code, or read as what they say", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      for (const decode of [decodeCheckpointNews, decodeAuditHead, decodeForkReport]) {
        try {
          decode(noise);
        } catch (error) {
          assert.ok(isTautlineError(error));
          assert.equal(error.code, "audit.checkpoint_malformed");
        }
      }
    }),
  );
});

test("a message without a checkpoint, and one with an endless signature, are refused", () => {
  const long = new Uint8Array(129);
  const one = { body: "a", signature: long, key: { body: "k", signature: new Uint8Array() } };
  const other = { body: "a", signature: new Uint8Array(), key: { body: "k", signature: long } };
  for (const run of [
    () => decodeAuditHead(new Uint8Array()),
    () => decodeAuditHead(encodeAuditHead(one)),
    () => decodeAuditHead(encodeAuditHead(other)),
  ]) {
    assert.throws(
      run,
      (error) => isTautlineError(error) && error.code === "audit.checkpoint_malformed",
    );
  }
});
