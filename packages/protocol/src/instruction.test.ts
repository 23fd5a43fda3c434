import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { concatBytes, fromHex, toHex } from "./bytes.ts";
import { InstructionSchema, SignedInstructionSchema } from "./gen/tautline/v1/instruction_pb.ts";
import {
  decodeInstruction,
  decodeSignedInstruction,
  encodeInstruction,
  encodeSignedInstruction,
  type Instruction,
  type SignedInstruction,
} from "./instruction.ts";
import { LIMITS } from "./limits.ts";

const DAY_MS = LIMITS.instructionLifetimeMs.value;

const INSTRUCTION: Instruction = {
  namespace: "default",
  agentId: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
  kind: "settings",
  seq: 1n,
  signerEpoch: 1,
  createdMs: 1_000_000,
  expiresMs: 1_060_000,
  digest: new Uint8Array(32).fill(7),
};

/** The bytes another program could make of any parts, judged by none. */
function unjudged(i: Instruction): Uint8Array {
  const times = { createdMs: BigInt(i.createdMs), expiresMs: BigInt(i.expiresMs) };
  return toBinary(InstructionSchema, create(InstructionSchema, { ...i, ...times }));
}

test("an instruction comes back as it was, also at the largest numbers", () => {
  assert.deepEqual(decodeInstruction(encodeInstruction(INSTRUCTION)), INSTRUCTION);
  const largest: Instruction = {
    ...INSTRUCTION,
    kind: "a".repeat(LIMITS.instructionKindCharacters.value),
    seq: 2n ** 64n - 1n,
    signerEpoch: 2 ** 32 - 1,
    createdMs: 253_402_300_799_999 - DAY_MS,
    expiresMs: 253_402_300_799_999,
  };
  assert.deepEqual(decodeInstruction(encodeInstruction(largest)), largest);
});

test("the bytes of an instruction are fixed: signatures of every version are over them", () => {
  const agent = toHex(new TextEncoder().encode(INSTRUCTION.agentId));
  assert.equal(
    toHex(encodeInstruction(INSTRUCTION)),
    `0a0764656661756c741224${agent}1a0873657474696e677320012801` +
      `30c0843d38a0d9404220${"07".repeat(32)}`,
  );
});

const BAD_PARTS: [string, Partial<Instruction>, RegExp][] = [
  ["a namespace in upper case", { namespace: "Default" }, /namespace/],
  ["an agent id in upper case", { agentId: INSTRUCTION.agentId.toUpperCase() }, /agent id/],
  ["no kind", { kind: "" }, /kind/],
  ["a kind with a space", { kind: "settings x" }, /kind/],
  ["a kind that ends in a hyphen", { kind: "settings-" }, /kind/],
  ["a kind of 65 characters", { kind: "a".repeat(65) }, /kind/],
  ["number 0", { seq: 0n }, /number is 0/],
  ["epoch 0", { signerEpoch: 0 }, /epoch is 0/],
  ["a time before 1970", { createdMs: -1 }, /time/],
  ["a time after the year 9999", { expiresMs: 253_402_300_800_000 }, /time/],
  ["a life of nothing", { expiresMs: INSTRUCTION.createdMs }, /expires before/],
  ["a life that ends before it begins", { expiresMs: INSTRUCTION.createdMs - 1 }, /expires before/],
  [
    "a life of a day and a millisecond",
    { expiresMs: INSTRUCTION.createdMs + DAY_MS + 1 },
    /lives longer/,
  ],
  ["a digest of 31 bytes", { digest: new Uint8Array(31) }, /digest/],
  ["a digest of 33 bytes", { digest: new Uint8Array(33) }, /digest/],
];

for (const [name, part, reason] of BAD_PARTS) {
  test(`an instruction with ${name} is refused, both ways`, () => {
    const instruction = { ...INSTRUCTION, ...part };
    const refusal = { code: "instruction.malformed", message: reason };
    assert.throws(() => encodeInstruction(instruction), refusal);
    assert.throws(() => decodeInstruction(unjudged(instruction)), refusal);
  });
}

test("a life of a whole day passes", () => {
  const expiresMs = INSTRUCTION.createdMs + DAY_MS;
  assert.equal(
    decodeInstruction(encodeInstruction({ ...INSTRUCTION, expiresMs })).expiresMs,
    expiresMs,
  );
});

test("signed bytes with a part this version does not know are refused: it could forbid something", () => {
  const bytes = concatBytes(encodeInstruction(INSTRUCTION), fromHex("4a0178"));
  assert.throws(() => decodeInstruction(bytes), {
    code: "instruction.malformed",
    message: /one encoding/,
  });
});

test("an instruction over 4,096 bytes is refused", () => {
  const over = new Uint8Array(LIMITS.instructionBytes.value + 1);
  assert.throws(() => decodeInstruction(over), /more than 4096 bytes/);
  assert.throws(() => decodeInstruction(over.subarray(1)), /damaged/);
});

const SIGNED: SignedInstruction = {
  instruction: encodeInstruction(INSTRUCTION),
  signature: new Uint8Array(64).fill(8),
  keyId: new Uint8Array(32).fill(9),
};

test("a signed instruction carries the signed bytes as they are, read or not", () => {
  assert.deepEqual(decodeSignedInstruction(encodeSignedInstruction(SIGNED)), SIGNED);
  const largest = { ...SIGNED, instruction: new Uint8Array(LIMITS.instructionBytes.value) };
  assert.deepEqual(decodeSignedInstruction(encodeSignedInstruction(largest)), largest);
});

const BAD_ENVELOPES: [string, Partial<SignedInstruction>, RegExp][] = [
  ["no signature", { signature: new Uint8Array() }, /signature/],
  ["a signature of 65 bytes", { signature: new Uint8Array(65) }, /signature/],
  ["no key id", { keyId: new Uint8Array() }, /key id/],
  ["an instruction of 4,097 bytes", { instruction: new Uint8Array(4097) }, /more than/],
];

for (const [name, part, reason] of BAD_ENVELOPES) {
  test(`a signed instruction with ${name} is refused, both ways`, () => {
    const signed = { ...SIGNED, ...part };
    const refusal = { code: "instruction.malformed", message: reason };
    assert.throws(() => encodeSignedInstruction(signed), refusal);
    const bytes = toBinary(SignedInstructionSchema, create(SignedInstructionSchema, signed));
    assert.throws(() => decodeSignedInstruction(bytes), refusal);
  });
}
