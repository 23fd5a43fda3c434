import assert from "node:assert/strict";
import { test } from "node:test";
import { CAPABILITY_ENROLMENT, CAPABILITY_INSTRUCTION, customMessage } from "./custom-message.ts";

test("a custom message names its capability and type and carries the bytes as they are", () => {
  const data = Uint8Array.of(1, 2);

  const { capability, type, data: carried } = customMessage(CAPABILITY_ENROLMENT, "grant", data);
  assert.equal(capability, "io.tautline.enrolment");
  assert.equal(type, "grant");
  assert.equal(carried, data);
  assert.equal(
    customMessage(CAPABILITY_INSTRUCTION, "receipt", data).capability,
    "io.tautline.instruction",
  );
});
