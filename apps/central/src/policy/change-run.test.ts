import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChangeAgent, PolicyChange } from "./change.ts";
import { type ChangeRun, climbing, createRun, noteAgents, takeTurn, turnMs } from "./change-run.ts";
import { CLIMBER, MTLS } from "./fixture-change.test.ts";

const CHANGE: PolicyChange = {
  id: 1,
  namespace: "default",
  kinds: ["control"],
  policy: MTLS,
  windowMs: 900_000,
  undoIf: 5,
  mayUndo: true,
  actor: "operator:ana",
  places: [],
  step: "watching",
  reason: "",
  undoneBy: "",
  spentMs: 0,
  startedMs: 0,
  stepMs: 0,
  endedMs: null,
  totals: { stays: 0, moves: 1, unknown: 0, "cut off": 0 },
  heardBefore: null,
  heardAfter: null,
  isSettled: false,
};

function runOf(agents: readonly ChangeAgent[] = [], windowMs = CHANGE.windowMs): ChangeRun {
  return createRun({ ...CHANGE, windowMs }, agents);
}

describe("the turns of a change", () => {
  it("are short for short windows, and long for large fleets", () => {
    const fleet = Array.from({ length: 100_000 }, (_, at) => ({ ...CLIMBER, id: `agent-${at}` }));
    assert.deepEqual(
      [turnMs(runOf()), turnMs(runOf([], 3_000)), turnMs(runOf(fleet))],
      [1_000, 200, 5_000],
    );
  });

  it("count the time since the one before, and nothing of the time before central ran", () => {
    const run = runOf();
    assert.equal(takeTurn(run, 5_000_000), 0);
    assert.equal(takeTurn(run, 5_000_999), undefined);
    assert.equal(takeTurn(run, 5_001_200), 1_200);
    assert.equal(takeTurn(run, 5_002_200), 1_000);
  });

  it("F8: a clock that jumps ends no watch, and one that is set back stops none", () => {
    const run = runOf();
    takeTurn(run, 5_000_000);
    assert.equal(takeTurn(run, 9_000_000), 4_000);
    assert.equal(takeTurn(run, 1_000_000), 0);
    assert.equal(takeTurn(run, 1_001_000), 1_000);
  });
});

describe("the agents of a change", () => {
  it("are written down where something of them is new, and not for the time that they are missing", () => {
    const run = runOf([CLIMBER, { ...CLIMBER, id: "agent-2" }]);
    noteAgents(run, [
      { ...CLIMBER, missingMs: 9 },
      { ...CLIMBER, id: "agent-2", hasMet: true },
      { ...CLIMBER, id: "agent-3" },
    ]);
    assert.deepEqual([...run.changed], ["agent-2", "agent-3"]);
    assert.equal(run.agents.get("agent-1")?.missingMs, 9);
  });

  it("climb until they have arrived", () => {
    const stays: ChangeAgent = { ...CLIMBER, id: "agent-2", verdict: "stays", moveTo: null };
    const run = runOf([CLIMBER, stays, { ...CLIMBER, id: "agent-3", hasMet: true }]);
    assert.deepEqual(
      climbing(run).map(({ id }) => id),
      ["agent-1"],
    );
  });
});
