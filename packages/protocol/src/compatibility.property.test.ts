import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  type CompatibilityRule,
  decideLink,
  type LinkDecision,
  type LinkOffer,
} from "./compatibility.ts";
import { isMutual, LEVELS } from "./level.ts";

const anyOffer = fc.subarray([...LEVELS]).map((levels): LinkOffer => ({ levels }));

const anyRule = fc
  .constantFrom("require" as const, "prefer" as const)
  .map((offMeetsBasic): CompatibilityRule => ({ offMeetsBasic }));

test("whatever the offers, only a common level is chosen unless the fallback is flagged", () => {
  fc.assert(
    fc.property(anyOffer, anyOffer, anyRule, (agent, central, rule) => {
      const decision = decideLink(agent, central, rule);
      if (!decision.ok || decision.flagged !== undefined) return;
      assert.ok(agent.levels.includes(decision.level) && central.levels.includes(decision.level));
    }),
  );
});

test("whatever the offers, a mutual level in common is never passed over for one that is not", () => {
  fc.assert(
    fc.property(anyOffer, anyOffer, anyRule, (agent, central, rule) => {
      const mutual = agent.levels.some((l) => isMutual(l) && central.levels.includes(l));
      const decision = decideLink(agent, central, rule);
      if (mutual) assert.ok(decision.ok && isMutual(decision.level));
    }),
  );
});

function levelOf(decision: LinkDecision): unknown {
  return decision.ok && { level: decision.level, isFlagged: decision.flagged !== undefined };
}

test("whatever the offers, changing sides changes neither the outcome nor who lacks what", () => {
  fc.assert(
    fc.property(anyOffer, anyOffer, anyRule, (a, b, rule) => {
      const one = decideLink(a, b, rule);
      const other = decideLink(b, a, rule);
      assert.deepEqual(levelOf(one), levelOf(other));
      if (one.ok || other.ok) return;
      assert.deepEqual(one.agentLacks, other.centralLacks);
      assert.deepEqual(one.centralLacks, other.agentLacks);
    }),
  );
});
