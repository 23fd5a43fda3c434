import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChangeStep } from "./change.ts";
import { missingLimitMs, nextStep, type StepFacts } from "./change-rule.ts";

const WINDOW_MS = 900_000;
const seen: StepFacts = { isHeard: false, moving: 0, watched: 0, lost: 0, missing: 0 };

interface Row {
  readonly what: string;
  readonly at: ChangeStep;
  readonly spentMs?: number;
  readonly undoIf?: number;
  readonly mayUndo?: boolean;
  readonly facts?: Partial<StepFacts>;
  readonly after: ChangeStep;
  readonly reason?: string;
}

const ROWS: readonly Row[] = [
  { what: "waits until its levels are heard", at: "opening", after: "opening" },
  {
    what: "goes on when they are",
    at: "opening",
    facts: { isHeard: true },
    after: "moving",
  },
  {
    what: "is undone when they cannot be heard for a third of the window",
    at: "opening",
    spentMs: 300_000,
    after: "undoing",
    reason: "not_heard",
  },
  {
    what: "goes on where they are heard at the last moment",
    at: "opening",
    spentMs: 300_000,
    facts: { isHeard: true },
    after: "moving",
  },
  {
    what: "waits while an agent is moving",
    at: "moving",
    spentMs: 449_999,
    facts: { moving: 1 },
    after: "moving",
  },
  {
    what: "closes when half of the window is over, whoever has not moved",
    at: "moving",
    spentMs: 450_000,
    facts: { moving: 7 },
    after: "closing",
  },
  { what: "closes at once when nobody is to move", at: "moving", after: "closing" },
  { what: "is watched as soon as it has closed", at: "closing", after: "watching" },
  {
    what: "is watched for the whole window although everybody is back",
    at: "watching",
    spentMs: 899_999,
    facts: { watched: 10 },
    after: "watching",
  },
  {
    what: "is done when the window is over and nobody is missing",
    at: "watching",
    spentMs: 900_000,
    facts: { watched: 10 },
    after: "done",
  },
  {
    what: "gives who went missing at the end its time",
    at: "watching",
    spentMs: 900_000,
    facts: { watched: 10, missing: 1 },
    after: "watching",
  },
  {
    what: "gives nobody more than that",
    at: "watching",
    spentMs: 1_200_000,
    facts: { watched: 10, missing: 1 },
    after: "done",
  },
  {
    what: "bears as many lost ones as were said",
    at: "watching",
    spentMs: 300_000,
    facts: { watched: 20, lost: 1 },
    after: "watching",
  },
  {
    what: "is undone for one more",
    at: "watching",
    spentMs: 300_000,
    facts: { watched: 20, lost: 2 },
    after: "undoing",
    reason: "agents_lost",
  },
  {
    what: "is undone for the first one where none may be lost",
    at: "watching",
    undoIf: 0,
    facts: { watched: 1_000, lost: 1 },
    after: "undoing",
    reason: "agents_lost",
  },
  {
    what: "is not undone where nobody is lost, whatever the share",
    at: "watching",
    undoIf: 0,
    facts: { watched: 0, missing: 3 },
    after: "watching",
  },
  {
    what: "is not undone with --no-undo, whoever is lost",
    at: "watching",
    mayUndo: false,
    facts: { watched: 2, lost: 2 },
    after: "watching",
  },
  {
    what: "ends in time with --no-undo too",
    at: "watching",
    spentMs: 900_000,
    mayUndo: false,
    facts: { watched: 2, lost: 2 },
    after: "done",
  },
  { what: "waits for nothing while it is undone", at: "undoing", after: "undone" },
  { what: "stays done", at: "done", spentMs: 1e12, facts: { lost: 9, watched: 9 }, after: "done" },
  { what: "stays undone", at: "undone", spentMs: 1e12, after: "undone" },
];

describe("the way of a change", () => {
  for (const row of ROWS) {
    it(`${row.at}: ${row.what}`, () => {
      const { at: step, spentMs = 0, undoIf = 5, mayUndo = true, facts, after, reason } = row;
      const change = { step, spentMs, windowMs: WINDOW_MS, undoIf, mayUndo };
      const expected = { step: after, ...(reason !== undefined && { reason }) };
      assert.deepEqual(nextStep(change, { ...seen, ...facts }), expected);
    });
  }

  it("lets an agent be missing for a third of the window", () => {
    assert.equal(missingLimitMs(WINDOW_MS), 300_000);
  });
});
