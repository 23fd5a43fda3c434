import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { ErrorCode } from "./error-catalogue.ts";
import { type InstructionState, judgeInstruction } from "./instruction-judgement.ts";
import type { Instruction } from "./instruction.ts";
import { LIMITS } from "./limits.ts";

const NOW_MS = 1_700_000_000_000;

const TOLERANCE_MS = LIMITS.clockToleranceMs.value;
const AGENT = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
const OTHER_AGENT = "017f22e2-79b0-7cc3-98c4-dc0c0c073990";

const INSTRUCTION: Instruction = {
  namespace: "default",
  agentId: AGENT,
  kind: "settings",
  seq: 6n,
  signerEpoch: 2,
  createdMs: NOW_MS - 1000,
  expiresMs: NOW_MS + 60_000,
  digest: new Uint8Array(32),
};
const STATE: InstructionState = {
  agentId: AGENT,
  namespace: "default",
  knownEpoch: 2,
  lastEpoch: 2,
  lastSeq: 5n,
  nowMs: NOW_MS,
  allowedKinds: new Set(["settings"]),
};

function verdict(i: Partial<Instruction>, s: Partial<InstructionState>): ErrorCode | "accepted" {
  const judgement = judgeInstruction({ ...INSTRUCTION, ...i }, { ...STATE, ...s });
  return judgement.accept ? "accepted" : judgement.error.code;
}

type Row = [string, Partial<Instruction>, Partial<InstructionState>, ErrorCode | "accepted"];

const ROWS: Row[] = [
  ["the next number", {}, {}, "accepted"],
  ["a number further on", { seq: 900n }, {}, "accepted"],
  [
    "the first instruction of all",
    { seq: 1n, signerEpoch: 1 },
    { knownEpoch: 1, lastEpoch: 0, lastSeq: 0n },
    "accepted",
  ],
  ["the first number of a new epoch", { seq: 1n, signerEpoch: 3 }, { knownEpoch: 3 }, "accepted"],
  ["another agent's", { agentId: OTHER_AGENT }, {}, "instruction.not_for_this_agent"],
  ["another namespace's", { namespace: "berlin" }, {}, "instruction.not_for_this_agent"],
  ["an epoch to come", { signerEpoch: 3 }, {}, "instruction.wrong_epoch"],
  ["an epoch gone by", { signerEpoch: 1, seq: 900n }, {}, "instruction.wrong_epoch"],
  ["the same number again", { seq: 5n }, {}, "instruction.replayed"],
  ["a number before the last", { seq: 1n }, {}, "instruction.replayed"],
  [
    "the known epoch after a later one was obeyed",
    { seq: 900n },
    { lastEpoch: 3 },
    "instruction.replayed",
  ],
  [
    "created as far ahead as clocks may differ",
    { createdMs: NOW_MS + TOLERANCE_MS },
    {},
    "accepted",
  ],
  [
    "created further ahead",
    { createdMs: NOW_MS + TOLERANCE_MS + 1 },
    {},
    "instruction.from_the_future",
  ],
  [
    "expired as long ago as clocks may differ",
    { expiresMs: NOW_MS - TOLERANCE_MS },
    {},
    "accepted",
  ],
  ["expired longer ago", { expiresMs: NOW_MS - TOLERANCE_MS - 1 }, {}, "instruction.expired"],
  ["a kind not allowed here", { kind: "restart" }, {}, "instruction.kind_not_allowed"],
  ["no kind allowed", {}, { allowedKinds: new Set() }, "instruction.kind_not_allowed"],
];

for (const [name, instruction, state, expected] of ROWS) {
  test(`A4: ${name}: ${expected}`, () => assert.equal(verdict(instruction, state), expected));
}

test("A4: of several faults, whose it is comes first, then who signed it, then whether it is new, then its time", () => {
  const foreign = { agentId: OTHER_AGENT };
  const epoch = { signerEpoch: 1 };
  const old = { seq: 5n };
  const expired = { expiresMs: 1 };
  const kind = { kind: "restart" };
  assert.equal(verdict({ ...kind, ...expired }, {}), "instruction.expired");
  assert.equal(verdict({ ...kind, ...expired, ...old }, {}), "instruction.replayed");
  assert.equal(verdict({ ...kind, ...expired, ...old, ...epoch }, {}), "instruction.wrong_epoch");
  assert.equal(
    verdict({ ...kind, ...expired, ...old, ...epoch, ...foreign }, {}),
    "instruction.not_for_this_agent",
  );
});

test("A4: a refusal tells both numbers, or the time, to the person who reads it", () => {
  const replayed = judgeInstruction({ ...INSTRUCTION, seq: 5n }, STATE);
  assert.ok(!replayed.accept);
  assert.equal(
    replayed.error.message,
    "The instruction 2/5 is not newer than 2/5, the last one carried out.",
  );
  const expired = judgeInstruction({ ...INSTRUCTION, expiresMs: 0 }, STATE);
  assert.ok(!expired.accept);
  assert.match(expired.error.message, /1970-01-01T00:00:00\.000Z/);
});

test("A4: whatever came before, nothing is accepted twice", () => {
  const seq = fc.bigInt({ min: 1n, max: 8n });
  const epoch = fc.integer({ min: 1, max: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(epoch, seq)), (arrivals) => {
      let knownEpoch = 1;
      let [lastEpoch, lastSeq] = [0, 0n];
      const accepted = new Set<string>();
      for (const [signerEpoch, number] of arrivals) {
        // A new instructor key becomes known when it is first used.
        knownEpoch = Math.max(knownEpoch, signerEpoch);
        const state = { knownEpoch, lastEpoch, lastSeq };
        if (verdict({ signerEpoch, seq: number }, state) !== "accepted") continue;
        assert.ok(!accepted.has(`${signerEpoch}/${number}`));
        accepted.add(`${signerEpoch}/${number}`);
        [lastEpoch, lastSeq] = [signerEpoch, number];
      }
    }),
  );
});
