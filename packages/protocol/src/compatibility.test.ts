import assert from "node:assert/strict";
import { test } from "node:test";
import { decideLink, type LinkDecision, type LinkOffer } from "./compatibility.ts";
import { type Level, LEVELS } from "./level.ts";

const REQUIRE = { offMeetsBasic: "require" } as const;

const PREFER = { offMeetsBasic: "prefer" } as const;
const offer = (...levels: Level[]): LinkOffer => ({ levels });
const outcome = (decision: LinkDecision): Level | "refused" | "flagged" => {
  if (!decision.ok) return "refused";
  return decision.flagged === undefined ? decision.level : "flagged";
};

/** OV-20 as the seed states it: rows are the agent's setting, columns central's. "ambiguous" is decided by the rule. */
const OV_20 = {
  plaintext: { plaintext: "plaintext", basic: "ambiguous", advanced: "refused" },
  basic: { plaintext: "ambiguous", basic: "basic", advanced: "refused" },
  advanced: { plaintext: "refused", basic: "refused", advanced: "advanced" },
} as const;
const SETTINGS = ["plaintext", "basic", "advanced"] as const;

for (const agent of SETTINGS) {
  for (const central of SETTINGS) {
    const cell = OV_20[agent][central];
    const required = cell === "ambiguous" ? "refused" : cell;
    const preferred = cell === "ambiguous" ? "flagged" : cell;
    test(`OV-20: agent ${agent}, central ${central}: ${required}, or ${preferred} where the rule prefers`, () => {
      assert.equal(outcome(decideLink(offer(agent), offer(central), REQUIRE)), required);
      assert.equal(outcome(decideLink(offer(agent), offer(central), PREFER)), preferred);
    });
  }
}

test("OV-20: the fallback is plaintext and says which end has encryption off", () => {
  const agentOff = decideLink(offer("plaintext"), offer("basic"), PREFER);
  const centralOff = decideLink(offer("basic"), offer("plaintext"), PREFER);
  assert.ok(agentOff.ok && centralOff.ok);
  assert.deepEqual([agentOff.level, centralOff.level], ["plaintext", "plaintext"]);
  assert.match(agentOff.flagged ?? "", /the agent has encryption off/);
  assert.match(centralOff.flagged ?? "", /central has encryption off/);
});

/** [agent, central, level or refused]; each row is also tried with the sides changed. */
const OFFERS: [LinkOffer, LinkOffer, Level | "refused"][] = [
  [offer("tls"), offer("tls"), "tls"],
  [offer("mtls"), offer("mtls"), "mtls"],
  [offer("tls"), offer("mtls"), "refused"],
  [offer("plaintext"), offer("tls"), "refused"],
  [offer("plaintext"), offer("mtls"), "refused"],
  [offer("basic"), offer("tls"), "refused"],
  [offer("advanced"), offer("mtls"), "refused"],
  [offer("tls", "mtls"), offer("mtls", "tls"), "mtls"],
  [offer("tls", "mtls"), offer("tls"), "tls"],
  [offer(...LEVELS), offer(...LEVELS), "mtls"],
  [offer(...LEVELS), offer("plaintext"), "plaintext"],
  [offer("basic", "advanced"), offer("basic", "advanced"), "advanced"],
  [offer("basic", "advanced"), offer("basic"), "basic"],
  [offer("plaintext", "basic"), offer("basic", "plaintext"), "basic"],
  // A negotiation never trades a mutual link for tls.
  [offer("advanced", "tls"), offer("tls", "advanced"), "advanced"],
  [offer("basic", "tls"), offer("tls", "basic"), "basic"],
  [offer("plaintext", "tls"), offer("plaintext", "tls"), "tls"],
  [offer(), offer("mtls"), "refused"],
  [offer(), offer(), "refused"],
  // Lists of several levels have said which are acceptable, so nothing falls back, whatever the rule.
  [offer("plaintext"), offer("basic", "advanced"), "refused"],
  [offer("plaintext"), offer("basic", "tls"), "refused"],
  [offer("plaintext", "advanced"), offer("basic"), "refused"],
];

for (const [agent, central, expected] of OFFERS) {
  const text = `[${agent.levels.join(" ")}] meets [${central.levels.join(" ")}]: ${expected}, in both orders`;
  test(text, () => {
    for (const rule of [REQUIRE, PREFER]) {
      assert.equal(outcome(decideLink(agent, central, rule)), expected);
      assert.equal(outcome(decideLink(central, agent, rule)), expected);
    }
  });
}

test("OVP-1: a refusal says what each side offers and lacks, and which setting to change", () => {
  assert.deepEqual(decideLink(offer("basic", "plaintext"), offer("mtls", "tls"), REQUIRE), {
    ok: false,
    reason: "The agent offers plaintext, basic, central offers tls, mtls: no level in common.",
    agentLacks: ["tls", "mtls"],
    centralLacks: ["plaintext", "basic"],
    remedy:
      "Set the agent's level to tls or mtls, or let central's policy accept plaintext or basic.",
  });
});

test("OVP-1: a refusal of an empty offer has a remedy too", () => {
  const nothing = decideLink(offer(), offer(), REQUIRE);
  assert.ok(!nothing.ok);
  assert.match(nothing.reason, /offers no level, central offers no level/);
  assert.equal(nothing.remedy, "Set at least one level at each end.");
  const half = decideLink(offer(), offer("mtls"), REQUIRE);
  assert.ok(!half.ok);
  assert.equal(half.remedy, "Set the agent's level to mtls.");
});
