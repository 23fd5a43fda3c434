import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  decodeSignedInstruction,
  encodeSignedInstruction,
  type ErrorCode,
  isTautlineError,
} from "@tautline/protocol";
import { createTestAuthority } from "@tautline/testing";
import * as fc from "fast-check";
import { openSignedInstruction, requireSubject } from "./signed-instruction.ts";

const authority = createTestAuthority();
const subject = new TextEncoder().encode("what it is about");
const instruction = {
  namespace: "default",
  agentId: "0190a000-0000-7000-8000-000000000001",
  kind: "level",
  seq: 1n,
  signerEpoch: 1,
  createdMs: 1_000,
  expiresMs: 2_000,
  digest: createHash("sha256").update(subject).digest(),
};
const envelope = authority.signInstruction(instruction);

const open = (bytes: Uint8Array): unknown =>
  openSignedInstruction(bytes, authority.instructorKeyPem);

const fails =
  (...codes: ErrorCode[]) =>
  (error: unknown) =>
    isTautlineError(error) && codes.includes(error.code);

test("an envelope opens by the key it was signed with, and gives what was signed", () => {
  const opened = openSignedInstruction(envelope, authority.instructorKeyPem);
  assert.equal(opened.instruction.kind, "level");
  assert.equal(opened.subject, undefined);
  assert.equal(requireSubject(opened.instruction, subject), subject);
});

test("A10: it opens by no other key, whatever travels with it", () => {
  const { instructorKeyPem } = createTestAuthority();
  assert.throws(
    () => openSignedInstruction(envelope, instructorKeyPem),
    fails("instruction.bad_signature"),
  );
  const signed = decodeSignedInstruction(envelope);
  const flipped = Uint8Array.from(signed.signature, (byte, at) => (at === 5 ? byte ^ 1 : byte));
  assert.throws(
    () =>
      openSignedInstruction(
        encodeSignedInstruction({ ...signed, signature: flipped }),
        authority.instructorKeyPem,
      ),
    fails("instruction.bad_signature"),
  );
});

test("a subject counts only by the hash that was signed, and left out it is empty", () => {
  const opened = openSignedInstruction(envelope, authority.instructorKeyPem);
  const mismatch = fails("instruction.digest_mismatch");
  assert.throws(() => requireSubject(opened.instruction, subject.subarray(1)), mismatch);
  assert.throws(() => requireSubject(opened.instruction), mismatch);
  const empty = { ...opened.instruction, digest: createHash("sha256").digest() };
  assert.equal(requireSubject(empty).length, 0);
});

test("any bytes, and the envelope with any byte changed, are refused by a code and nothing else", () => {
  const refused = fails("instruction.malformed", "instruction.bad_signature");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
      assert.throws(() => open(bytes), refused),
    ),
  );
  const parts = fc.record({
    at: fc.nat({ max: envelope.length - 1 }),
    bits: fc.integer({ min: 1, max: 255 }),
  });
  fc.assert(
    fc.property(parts, ({ at, bits }) => {
      const changed = Uint8Array.from(envelope, (byte, each) => (each === at ? byte ^ bits : byte));
      assert.throws(() => open(changed), refused);
    }),
  );
});
