import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { InstructionReceiptSchema } from "./gen/tautline/v1/instruction_pb.ts";
import { decodeInstructionReceipt, encodeInstructionReceipt } from "./instruction-receipt.ts";

const DONE = { signerEpoch: 2, seq: 7n, code: "", text: "" };

const REFUSED = {
  signerEpoch: 0,
  seq: 0n,
  code: "instruction.malformed",
  text: "It cannot be read.",
};

for (const receipt of [DONE, REFUSED]) {
  test(`the receipt '${receipt.code}' comes back as it was`, () => {
    assert.deepEqual(decodeInstructionReceipt(encodeInstructionReceipt(receipt)), receipt);
  });
}

test("a code of a newer agent is kept, though this version does not know it", () => {
  const receipt = { ...REFUSED, code: "newer.reason" };
  assert.deepEqual(decodeInstructionReceipt(encodeInstructionReceipt(receipt)), receipt);
});

for (const code of ["no dot", "Upper.case", "a.", ".b", "a.b.c", "a.b\n", `a.${"b".repeat(65)}`]) {
  test(`${JSON.stringify(code.slice(0, 12))} is no code, both ways`, () => {
    const receipt = { ...DONE, code };
    const refusal = { code: "instruction.receipt_malformed" };
    assert.throws(() => encodeInstructionReceipt(receipt), refusal);
    const bytes = toBinary(InstructionReceiptSchema, create(InstructionReceiptSchema, receipt));
    assert.throws(() => decodeInstructionReceipt(bytes), refusal);
  });
}

test("text that would forge lines or run on without end is made printable and cut, whoever wrote it", () => {
  const text = `a\n\u001b[2J${"b".repeat(2000)}`;
  const bytes = toBinary(
    InstructionReceiptSchema,
    create(InstructionReceiptSchema, { ...DONE, text }),
  );
  const read = decodeInstructionReceipt(bytes).text;
  assert.ok(read.startsWith("a\uFFFD\uFFFD[2Jbbb"));
  assert.equal(read.length, 1000);
  assert.ok(read.endsWith("b…"));
});
