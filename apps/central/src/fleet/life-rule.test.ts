import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  askAgainAfter,
  type LifeFacts,
  MISSED_HEARTBEATS,
  permitsOf,
  refusalOf,
  SHORTEST_SILENCE_MS,
  SHOWN_STATES,
  type ShownState,
  stateShown,
} from "./life-rule.ts";

const NOW = Date.UTC(2026, 10, 25);
const HOUR = 3_600_000;

const active: LifeFacts = {
  state: "active",
  awaitsApproval: false,
  certificateEndsMs: NOW + HOUR,
  lastHeardMs: NOW - 1_000,
  heartbeatMs: 30_000,
};

interface Case {
  readonly title: string;
  readonly facts: Partial<LifeFacts>;
  readonly shown: ShownState;
}

const CASES: readonly Case[] = [
  { title: "heard just now, with a certificate", facts: {}, shown: "active" },
  {
    title: "silent for as long as it may be",
    facts: { lastHeardMs: NOW - SHORTEST_SILENCE_MS },
    shown: "active",
  },
  {
    title: "a millisecond longer",
    facts: { lastHeardMs: NOW - SHORTEST_SILENCE_MS - 1 },
    shown: "silent",
  },
  {
    title: "slow heartbeats give it longer",
    facts: { heartbeatMs: HOUR, lastHeardMs: NOW - MISSED_HEARTBEATS * HOUR },
    shown: "active",
  },
  {
    title: "three slow heartbeats missed",
    facts: { heartbeatMs: HOUR, lastHeardMs: NOW - MISSED_HEARTBEATS * HOUR - 1 },
    shown: "silent",
  },
  {
    title: "its certificate ends this moment",
    facts: { certificateEndsMs: NOW },
    shown: "expired",
  },
  {
    title: "silent and expired: what keeps it out is said",
    facts: { certificateEndsMs: NOW - 1, lastHeardMs: NOW - HOUR },
    shown: "expired",
  },
  {
    title: "never was given one",
    facts: { state: "joining", certificateEndsMs: null },
    shown: "joining",
  },
  {
    title: "joining, and silent",
    facts: { state: "joining", lastHeardMs: NOW - HOUR },
    shown: "joining",
  },
  {
    title: "joining, and its first certificate ended",
    facts: { state: "joining", certificateEndsMs: NOW - 1 },
    shown: "expired",
  },
  {
    title: "expired, and its renewal waits for an operator",
    facts: { certificateEndsMs: NOW - HOUR, awaitsApproval: true },
    shown: "pending",
  },
  {
    title: "waits for its first approval",
    facts: { state: "pending", certificateEndsMs: null },
    shown: "pending",
  },
  {
    title: "quarantined, however expired",
    facts: { state: "quarantined", certificateEndsMs: NOW - HOUR },
    shown: "quarantined",
  },
  {
    title: "declined while its renewal waited",
    facts: { state: "declined", awaitsApproval: true, certificateEndsMs: NOW - HOUR },
    shown: "declined",
  },
  {
    title: "revoked, whatever else",
    facts: { state: "revoked", awaitsApproval: true },
    shown: "revoked",
  },
  {
    title: "without an identity, however silent",
    facts: { state: "unproven", certificateEndsMs: null, lastHeardMs: NOW - HOUR },
    shown: "unproven",
  },
  {
    title: "by a key of its own, however silent",
    facts: { state: "keyed", certificateEndsMs: null, lastHeardMs: NOW - HOUR },
    shown: "keyed",
  },
];

describe("the state that people see", () => {
  for (const { title, facts, shown } of CASES) {
    it(`${title}: ${shown}`, () => assert.equal(stateShown({ ...active, ...facts }, NOW), shown));
  }

  it("the cases above show every state", () => {
    assert.deepEqual(new Set(CASES.map(({ shown }) => shown)), new Set(SHOWN_STATES));
  });
});

describe("what a state lets an agent do", () => {
  const table: Readonly<Record<ShownState, readonly [link: boolean, renew: boolean]>> = {
    unproven: [false, false],
    keyed: [false, false],
    pending: [false, false],
    joining: [true, true],
    active: [true, true],
    silent: [true, true],
    expired: [false, true],
    quarantined: [false, false],
    declined: [false, false],
    revoked: [false, false],
  };
  for (const [state, [link, renew]] of Object.entries(table)) {
    it(`${state}: link ${link}, renewal ${renew}`, () =>
      assert.deepEqual(permitsOf(state as ShownState), { link, renew }));
  }

  for (const [state, code] of [
    ["pending", "admission.agent_unknown"],
    ["joining", undefined],
    ["active", undefined],
    ["quarantined", "admission.agent_quarantined"],
    ["declined", "enrolment.declined"],
    ["revoked", "admission.agent_revoked"],
  ] as const) {
    it(`${state} is ${code === undefined ? "let in" : `told ${code}`}`, () => {
      const refusal = refusalOf(state, "a1");
      assert.equal(refusal?.code, code);
      assert.equal(refusal?.detail["id"], code === undefined ? undefined : "a1");
    });
  }
});

describe("how long a candidate waits before it asks again", () => {
  for (const [waitedS, expected] of [
    [0, 1],
    [-60, 1],
    [14, 1],
    [15, 2],
    [600, 60],
    [3_000, 300],
    [86_400, 300],
  ] as const) {
    it(`after ${waitedS} s: ${expected} s`, () =>
      assert.equal(askAgainAfter(NOW, NOW + waitedS * 1_000), expected));
  }

  it("never less for who waited longer, and always whole seconds in range", () => {
    const age = fc.integer({ min: -1e12, max: 1e12 });
    fc.assert(
      fc.property(age, age, (one, other) => {
        const [young, old] = [Math.min(one, other), Math.max(one, other)].map((ms) =>
          askAgainAfter(NOW, NOW + ms),
        );
        assert.ok(Number.isInteger(young) && (young ?? 0) >= 1 && (old ?? 0) <= 300);
        assert.ok((young ?? 0) <= (old ?? 0));
      }),
    );
  });
});
