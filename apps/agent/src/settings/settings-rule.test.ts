import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_AGENT_SETTINGS, isTautlineError } from "@tautline/protocol";
import {
  sampleCandidate,
  sampleCommitted,
  sampleIdentity,
  sampleJoining,
  sampleTicket,
} from "../../test/sample-states.ts";
import type { AgentState } from "./agent-state.ts";
import { nextState, type SettingsEvent } from "./settings-rule.ts";

const { agentId, name, keys } = sampleJoining;
const otherTicket = { ...sampleTicket, tokenId: "second" };
const settings = { ...DEFAULT_AGENT_SETTINGS, logLevel: "debug" as const };

const EVENTS: Readonly<Record<SettingsEvent["kind"], SettingsEvent>> = {
  began: { kind: "began", agentId, name, keys, ticket: sampleTicket },
  given_token: { kind: "given_token", ticket: otherTicket, name: "web-2" },
  granted: { kind: "granted", identity: sampleIdentity, name: "web-3" },
  lapsed: { kind: "lapsed" },
  proven: { kind: "proven" },
  instructed: { kind: "instructed", epoch: 3, seq: 8n, configHash: "ab", settings },
};

const STATES: Readonly<Record<string, AgentState | undefined>> = {
  none: undefined,
  joining: sampleJoining,
  candidate: sampleCandidate,
  committed: sampleCommitted,
};

/** The whole rule: what becomes of each state at each event; every pair that is not here is refused. */
const TABLE: Readonly<Record<string, AgentState>> = {
  "none began": sampleJoining,
  "joining given_token": { ...sampleJoining, name: "web-2", ticket: otherTicket },
  "joining granted": { ...sampleCandidate, name: "web-3" },
  "candidate given_token": { ...sampleJoining, name: "web-2", ticket: otherTicket },
  "candidate lapsed": sampleJoining,
  "candidate proven": sampleCommitted,
  "committed instructed": {
    ...sampleCommitted,
    last: { epoch: 3, seq: 8n, configHash: "ab", settings },
  },
};

for (const [stateName, state] of Object.entries(STATES)) {
  for (const [kind, event] of Object.entries(EVENTS)) {
    const expected = TABLE[`${stateName} ${kind}`];
    const outcome = expected === undefined ? "is refused" : `gives ${expected.state}`;
    test(`F3: '${kind}' at state '${stateName}' ${outcome}`, () => {
      if (expected !== undefined) {
        assert.deepEqual(nextState(state, event), expected);
        return;
      }
      assert.throws(
        () => nextState(state, event),
        (error) => isTautlineError(error) && error.code === "agent.out_of_order",
      );
    });
  }
}

test("id and keys are made once: no event after the first changes them", () => {
  let state = nextState(undefined, EVENTS.began);
  for (const kind of [
    "given_token",
    "granted",
    "lapsed",
    "granted",
    "proven",
    "instructed",
  ] as const) {
    state = nextState(state, EVENTS[kind]);
    assert.equal(state.agentId, agentId);
    assert.deepEqual(state.keys, keys);
  }
});

test("a committed agent holds no token and starts before the first instruction of its epoch", () => {
  const state = nextState(sampleCandidate, EVENTS.proven);
  assert.ok(!("ticket" in state));
  assert.deepEqual(state.state === "committed" && [state.last.epoch, state.last.seq], [3, 0n]);
});
