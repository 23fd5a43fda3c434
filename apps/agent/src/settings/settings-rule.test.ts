import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_AGENT_SETTINGS, isTautlineError } from "@tautline/protocol";
import {
  sampleAsking,
  sampleCandidate,
  sampleCommitted,
  sampleGranted,
  sampleIdentity,
  sampleJoining,
  sampleMoving,
  samplePending,
  sampleTicket,
} from "../../test/sample-states.ts";
import type { AgentState } from "./agent-state.ts";
import { nextState, type SettingsEvent } from "./settings-rule.ts";

const { agentId, name, keys } = sampleJoining;
const otherTicket = { ...sampleTicket, tokenId: "second" };
const settings = { ...DEFAULT_AGENT_SETTINGS, logLevel: "debug" as const };

const nextKeys = { client: "PRIVATE next client", server: "PRIVATE next server" };
const nextIdentity = { ...sampleIdentity, clientChainPem: "next client chain" };

const NEW = ["new.example:9150"];
const nine = { ...sampleCommitted.last, seq: 9n };
const move = { addresses: NEW, epoch: 3, seq: 9n };

const EVENTS: Readonly<Record<SettingsEvent["kind"], SettingsEvent>> = {
  began: { kind: "began", agentId, name, keys, ticket: sampleTicket },
  given_token: { kind: "given_token", ticket: otherTicket, name: "web-2" },
  told: { kind: "told", decision: { answer: "pending", code: "7Q2-0KX", sinceMs: 500 } },
  granted: { kind: "granted", identity: sampleIdentity, name: "web-3", renewAtMs: 1_000 },
  lapsed: { kind: "lapsed" },
  proven: { kind: "proven" },
  instructed: { kind: "instructed", epoch: 3, seq: 8n, configHash: "ab", settings },
  renewal_began: { kind: "renewal_began", keys: nextKeys },
  renewal_granted: { kind: "renewal_granted", identity: nextIdentity, renewAtMs: 2_000 },
  renewal_lapsed: { kind: "renewal_lapsed" },
  renewal_proven: { kind: "renewal_proven" },
  renewal_failed: { kind: "renewal_failed" },
  addresses_offered: { kind: "addresses_offered", epoch: 3, seq: 9n, addresses: NEW },
  addresses_proven: { kind: "addresses_proven" },
  addresses_failed: { kind: "addresses_failed" },
  level_ordered: { kind: "level_ordered", epoch: 3, seq: 10n, level: "tls", addresses: NEW },
  level_climbed: { kind: "level_climbed", level: "mtls", addresses: NEW, by: "instruction" },
  level_dropped: { kind: "level_dropped" },
  level_proven: { kind: "level_proven", level: "advanced" },
  level_allowed: { kind: "level_allowed", level: "basic" },
};
const last = { epoch: 3, seq: 8n, configHash: "ab", settings };
/** A number that was asked for is spent, whatever became of it. */
const spent = { ...sampleCommitted, renewal: { ...sampleCommitted.renewal, askedCounter: 1n } };

/** What was proven rises only: the same level again is no news. */
const keyed = { ...sampleCommitted, provenLevel: "advanced" as const };

const ten = { ...sampleCommitted.last, seq: 10n };
const levelMove = { level: "tls" as const, addresses: NEW, epoch: 3, seq: 10n };
const ordered = { ...sampleCommitted, last: ten, levelMove };
const climbed = { level: "mtls" as const, addresses: NEW, by: "instruction" as const };
const atTop = { ...sampleCommitted, climbed };

const STATES: Readonly<Record<string, AgentState | undefined>> = {
  none: undefined,
  joining: sampleJoining,
  pending: samplePending,
  candidate: sampleCandidate,
  committed: sampleCommitted,
  asking: sampleAsking,
  granted: sampleGranted,
  moving: sampleMoving,
  keyed,
  ordered,
  atTop,
};

/** The whole rule: what becomes of each state at each event; every pair that is not here is refused. */
const TABLE: Readonly<Record<string, AgentState>> = {
  "none began": sampleJoining,
  "joining given_token": { ...sampleJoining, name: "web-2", ticket: otherTicket },
  "joining told": samplePending,
  "joining granted": { ...sampleCandidate, name: "web-3" },
  "pending told": samplePending,
  "pending given_token": { ...sampleJoining, name: "web-2", ticket: otherTicket },
  "pending granted": { ...sampleCandidate, name: "web-3" },
  "candidate given_token": { ...sampleJoining, name: "web-2", ticket: otherTicket },
  "candidate lapsed": sampleJoining,
  "candidate proven": sampleCommitted,
  "committed instructed": { ...sampleCommitted, last },
  "committed renewal_began": sampleAsking,
  "asking instructed": { ...sampleAsking, last },
  "asking renewal_granted": sampleGranted,
  "asking renewal_failed": spent,
  "granted instructed": { ...sampleGranted, last },
  "granted renewal_proven": {
    ...sampleCommitted,
    keys: nextKeys,
    identity: nextIdentity,
    renewal: { counter: 1n, askedCounter: 1n, made: 1, renewAtMs: 2_000 },
  },
  "committed addresses_offered": sampleMoving,
  "asking addresses_offered": { ...sampleAsking, last: nine, move },
  "granted addresses_offered": { ...sampleGranted, last: nine, move },
  "moving addresses_offered": sampleMoving,
  "moving addresses_failed": { ...sampleCommitted, last: nine },
  "moving addresses_proven": {
    ...sampleCommitted,
    last: nine,
    identity: { ...sampleIdentity, addresses: NEW },
  },
  "moving instructed": { ...sampleMoving, last },
  "moving renewal_began": { ...sampleAsking, last: nine, move },
  "granted renewal_lapsed": sampleAsking,
  "granted renewal_failed": spent,
  "committed level_proven": { ...sampleCommitted, provenLevel: "advanced" },
  "committed level_allowed": { ...sampleCommitted, provenLevel: "basic" },
  "asking level_proven": { ...sampleAsking, provenLevel: "advanced" },
  "asking level_allowed": { ...sampleAsking, provenLevel: "basic" },
  "granted level_proven": { ...sampleGranted, provenLevel: "advanced" },
  "granted level_allowed": { ...sampleGranted, provenLevel: "basic" },
  "moving level_proven": { ...sampleMoving, provenLevel: "advanced" },
  "moving level_allowed": { ...sampleMoving, provenLevel: "basic" },
  "keyed level_allowed": { ...sampleCommitted, provenLevel: "basic" },
  "keyed instructed": { ...keyed, last },
  "keyed addresses_offered": { ...sampleMoving, provenLevel: "advanced" },
  "keyed renewal_began": { ...sampleAsking, provenLevel: "advanced" },
  "committed level_ordered": ordered,
  "committed level_climbed": atTop,
  "asking level_ordered": { ...sampleAsking, last: ten, levelMove },
  "asking level_climbed": { ...sampleAsking, climbed },
  "granted level_ordered": { ...sampleGranted, last: ten, levelMove },
  "granted level_climbed": { ...sampleGranted, climbed },
  "moving level_ordered": { ...sampleMoving, last: ten, levelMove },
  "moving level_climbed": { ...sampleMoving, climbed },
  "keyed level_ordered": { ...keyed, last: ten, levelMove },
  "keyed level_climbed": { ...keyed, climbed },
  "ordered instructed": { ...ordered, last },
  "ordered renewal_began": { ...sampleAsking, last: ten, levelMove },
  "ordered addresses_offered": { ...sampleMoving, levelMove },
  "ordered level_ordered": ordered,
  // Whoever is above what was ordered has done it.
  "ordered level_climbed": { ...sampleCommitted, last: ten, climbed },
  "ordered level_dropped": { ...sampleCommitted, last: ten },
  "ordered level_proven": { ...ordered, provenLevel: "advanced" },
  "ordered level_allowed": { ...sampleCommitted, last: ten, provenLevel: "basic" },
  "atTop instructed": { ...atTop, last },
  "atTop renewal_began": { ...sampleAsking, climbed },
  "atTop addresses_offered": { ...sampleMoving, climbed },
  "atTop level_ordered": { ...ordered, climbed },
  "atTop level_proven": { ...atTop, provenLevel: "advanced" },
  // Somebody on this host takes back what was climbed.
  "atTop level_allowed": { ...sampleCommitted, provenLevel: "basic" },
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

test("F3: a number that failed is never asked for again, and at most one next identity exists", () => {
  let state = nextState(spent, EVENTS.renewal_began);
  assert.equal(state.state === "committed" && state.renewal.next?.counter, 2n);
  state = nextState(nextState(state, EVENTS.renewal_granted), EVENTS.renewal_proven);
  assert.deepEqual(state.state === "committed" && state.renewal, {
    counter: 2n,
    askedCounter: 2n,
    made: 1,
    renewAtMs: 2_000,
  });
  assert.ok(!JSON.stringify(state.keys).includes(keys.client));
});

test("the id is made once, and the keys of the join until an identity is renewed", () => {
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

test("an identity that is proven after central has moved does not bring the old addresses back", () => {
  let state = nextState(sampleGranted, EVENTS.addresses_offered);
  state = nextState(nextState(state, EVENTS.addresses_proven), EVENTS.renewal_proven);
  assert.deepEqual(state.state === "committed" && state.identity.addresses, NEW);
});

test("A24: what was climbed to only rises, and an order that is above it stays pending", () => {
  const basic = { kind: "level_climbed", level: "basic", addresses: NEW, by: "rescue" } as const;
  const state = nextState(ordered, basic);
  assert.deepEqual(state.state === "committed" && [state.climbed?.level, state.levelMove?.level], [
    "basic",
    "tls",
  ]);
  assert.throws(() => nextState(state, basic));
  assert.throws(() => nextState(atTop, { ...basic, level: "tls" }));
  const allowed = nextState(state, { kind: "level_allowed", level: "advanced" });
  assert.equal(allowed.state === "committed" && allowed.climbed?.level, "basic");
});

test("addresses that central moved to after a climb take the place of those that came with it", () => {
  const state = nextState(nextState(atTop, EVENTS.addresses_offered), EVENTS.addresses_proven);
  assert.deepEqual(state.state === "committed" && state.climbed, { ...climbed, addresses: [] });
});
