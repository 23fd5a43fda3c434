import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import type { AgentState } from "../store/schema.ts";
import { type ClaimFacts, isClaimState, judgeClaim } from "./claim-rule.ts";

const ID = "0197d3b1-7c00-7abc-8def-0123456789ab";
const OTHER = "0197d3b1-7c00-7abc-8def-0123456789ac";
const own = { namespace: "shop", agentId: ID };
const others = { namespace: "shop", agentId: OTHER };
const group = { namespace: "shop", agentId: undefined };
const recorded = (state: AgentState | "deleted", namespace: string) => ({ state, namespace });

const CASES: readonly [string, Omit<ClaimFacts, "id">, string][] = [
  ["nobody known", { key: undefined, recorded: undefined }, "unproven in default"],
  ["by a namespace's key", { key: group, recorded: undefined }, "unproven in shop"],
  ["by its own key", { key: own, recorded: undefined }, "keyed in shop"],
  ["by another's key", { key: others, recorded: undefined }, "admission.key_not_yours"],
  [
    "once more",
    { key: undefined, recorded: recorded("unproven", "default") },
    "unproven in default",
  ],
  [
    "by a key once more",
    { key: group, recorded: recorded("unproven", "shop") },
    "unproven in shop",
  ],
  ["first by its own key", { key: own, recorded: recorded("unproven", "shop") }, "keyed in shop"],
  ["keyed once more", { key: own, recorded: recorded("keyed", "shop") }, "keyed in shop"],
  [
    "keyed, now without",
    { key: undefined, recorded: recorded("keyed", "default") },
    "admission.claim_differs",
  ],
  [
    "keyed, now by a group's",
    { key: group, recorded: recorded("keyed", "shop") },
    "admission.claim_differs",
  ],
  [
    "keyed, by another's",
    { key: others, recorded: recorded("keyed", "shop") },
    "admission.key_not_yours",
  ],
  [
    "of another namespace",
    { key: group, recorded: recorded("unproven", "default") },
    "admission.claim_differs",
  ],
  [
    "out of its namespace",
    { key: undefined, recorded: recorded("unproven", "shop") },
    "admission.claim_differs",
  ],
  [
    "its own key, elsewhere",
    { key: own, recorded: recorded("unproven", "default") },
    "admission.claim_differs",
  ],
];

const verdictOf = (facts: ClaimFacts): string => {
  const verdict = judgeClaim(facts);
  return isTautlineError(verdict) ? verdict.code : `${verdict.state} in ${verdict.namespace}`;
};

for (const [title, facts, verdict] of CASES) {
  test(`a claim: ${title}: ${verdict}`, () =>
    assert.equal(verdictOf({ id: ID, ...facts }), verdict));
}

for (const state of [
  "pending",
  "joining",
  "active",
  "quarantined",
  "declined",
  "revoked",
  "deleted",
] as const) {
  test(`an id that is ${state} is refused to claims, by whatever key they come`, () => {
    assert.ok(!isClaimState(state));
    for (const key of [undefined, group, own]) {
      for (const namespace of ["default", "shop"]) {
        const facts = { id: ID, key, recorded: recorded(state, namespace) };
        assert.equal(verdictOf(facts), "admission.id_enrolled");
      }
    }
  });
}
