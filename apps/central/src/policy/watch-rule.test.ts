import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AgentState } from "../store/schema.ts";
import type { ChangeAgent } from "./change.ts";
import { CLIMBER } from "./fixture-change.test.ts";
import { countAgents, exceptionsFor, mayComeBack, type Sight, watchAgent } from "./watch-rule.ts";

const LIMIT_MS = 300_000;

interface Row {
  readonly what: string;
  readonly was?: Partial<ChangeAgent>;
  readonly sight: Sight;
  readonly elapsedMs: number;
  readonly after: Partial<ChangeAgent>;
}

const ROWS: readonly Row[] = [
  {
    what: "linked as the policy asks has met it and is not missing",
    was: { missingMs: 5 },
    sight: "meets",
    elapsedMs: 1_000,
    after: { hasMet: true, missingMs: 0 },
  },
  {
    what: "without a link is missing, and not lost before its time",
    sight: "none",
    elapsedMs: LIMIT_MS - 1,
    after: { missingMs: LIMIT_MS - 1, isLost: false },
  },
  {
    what: "without a link for too long is lost",
    was: { missingMs: LIMIT_MS - 1 },
    sight: "none",
    elapsedMs: 1,
    after: { missingMs: LIMIT_MS, isLost: true },
  },
  {
    what: "linked below the policy without an exception is as good as not linked",
    was: { missingMs: LIMIT_MS - 1 },
    sight: "linked",
    elapsedMs: 1,
    after: { missingMs: LIMIT_MS, isLost: true },
  },
  {
    what: "linked by its exception is not missing",
    was: { isExcepted: true, missingMs: 9, isLost: true },
    sight: "linked",
    elapsedMs: 1,
    after: { missingMs: 0, isLost: false, hasMet: false },
  },
  {
    what: "with an exception and without a link is missing as any other",
    was: { isExcepted: true, missingMs: LIMIT_MS - 1 },
    sight: "none",
    elapsedMs: 1,
    after: { missingMs: LIMIT_MS, isLost: true },
  },
  {
    what: "that was lost and comes back is not lost",
    was: { isLost: true, missingMs: LIMIT_MS },
    sight: "meets",
    elapsedMs: 1,
    after: { isLost: false, hasMet: true, missingMs: 0 },
  },
  {
    what: "that has met the policy and goes is missing from then on",
    was: { hasMet: true },
    sight: "none",
    elapsedMs: 7,
    after: { hasMet: true, missingMs: 7 },
  },
];

describe("a watched agent", () => {
  for (const { what, was, sight, elapsedMs, after } of ROWS) {
    it(what, () => {
      const before = { ...CLIMBER, ...was };
      assert.deepEqual(watchAgent(before, sight, elapsedMs, LIMIT_MS), { ...before, ...after });
    });
  }
});

describe("who is let back", () => {
  const rows: readonly [
    what: string,
    agent: Partial<ChangeAgent>,
    mayUndo: boolean,
    many: number,
  ][] = [
    ["one that was linked below the policy and did not move", {}, true, 1],
    ["A25: nobody with --no-undo", {}, false, 0],
    [
      "A24: not one that has met the policy: dropping its packets re-opens nothing",
      { hasMet: true },
      true,
      0,
    ],
    ["not one that was not linked when the change began", { isWatched: false }, true, 0],
    ["not one whose right has ended", { isEnded: true }, true, 0],
    ["not one that met the policy before", { lacking: [] }, true, 0],
    ["not twice", { isExcepted: true }, true, 0],
  ];
  for (const [what, agent, mayUndo, many] of rows) {
    it(what, () => {
      const exceptions = exceptionsFor({ mayUndo }, { ...CLIMBER, ...agent });
      assert.equal(exceptions.length, many);
      assert.deepEqual(exceptions, many === 0 ? [] : CLIMBER.lacking);
    });
  }

  it("A6: no agent that was revoked, declined, put in quarantine or deleted", () => {
    const states: readonly (AgentState | undefined)[] = [
      "revoked",
      "declined",
      "quarantined",
      "pending",
      undefined,
    ];
    assert.deepEqual(states.map(mayComeBack), [false, false, false, false, false]);
    const good: readonly AgentState[] = ["unproven", "keyed", "joining", "active"];
    assert.deepEqual(good.map(mayComeBack), [true, true, true, true]);
  });
});

it("counts only those who are watched, and exceptions whoever has them", () => {
  const agents: readonly ChangeAgent[] = [
    CLIMBER,
    { ...CLIMBER, hasMet: true },
    { ...CLIMBER, isExcepted: true },
    { ...CLIMBER, hasMet: true, isLost: true, missingMs: 9 },
    { ...CLIMBER, missingMs: 1 },
    { ...CLIMBER, isWatched: false, isLost: true },
    { ...CLIMBER, isEnded: true, isLost: true },
  ];
  const counts = { watched: 5, moving: 2, met: 2, excepted: 1, lost: 1, missing: 1 };
  assert.deepEqual(countAgents(agents), counts);
});
