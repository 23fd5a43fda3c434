import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import type { MessageLook } from "./call.ts";
import { BodyHold } from "./body-hold.ts";

const refusal = new TautlineError("carry.cancelled", { detail: { reason: "told to" } });
const look = (changes: Partial<MessageLook> = {}): MessageLook => ({
  largestBytes: 8,
  message: (body) => (String(body) === "bad" ? refusal : undefined),
  ...changes,
});

test("a body passes when it is whole, and not a byte of it before", () => {
  const hold = new BodyHold(look());
  for (const part of ["go", "od"]) {
    assert.deepEqual(hold.read(Buffer.from(part)), Buffer.alloc(0));
  }
  assert.deepEqual(hold.end(), Buffer.from("good"));
});

test("a body that is refused does not pass, in however many parts it came", () => {
  const hold = new BodyHold(look());
  for (const part of ["b", "a", "d"]) hold.read(Buffer.from(part));
  assert.equal(hold.end(), refusal);
});

test("a body that is one byte longer than is held is refused when that byte comes; one as long passes", () => {
  const hold = new BodyHold(look());
  assert.deepEqual(hold.read(Buffer.from("12345678")), Buffer.alloc(0));
  const told = hold.read(Buffer.from("9"));
  assert.ok(isTautlineError(told) && told.code === "carry.body_too_large");
  const fits = new BodyHold(look());
  fits.read(Buffer.from("12345678"));
  assert.deepEqual(fits.end(), Buffer.from("12345678"));
});
