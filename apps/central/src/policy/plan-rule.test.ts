import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LEVELS, UPGRADES } from "@tautline/protocol";
import { factsOf, floor, ID, NOW_MS, seen, wantedOf } from "./fixture-plan.test.ts";
import { type AgentFacts, PLAN_REASONS, type PlanReason } from "./plan.ts";
import { planAgent, planAgents } from "./plan-rule.ts";

const MTLS = floor("mtls");
const PQ = floor("mtls", { postQuantum: "require" });
const PROOF = floor("basic", { clientProof: "require" });
const KEYS = { ...MTLS, accept: ["basic", "advanced"] } as const;
const ADVANCED = { ...MTLS, accept: ["advanced"] } as const;
const CLASSIC = { pq: false, group: "X25519" };
const HERE = { address: "127.0.0.1" };
const plaintext = seen("plaintext", [20, 0]);
const unproven = { state: "unproven", instructions: undefined } as const;

type Case = readonly [
  title: string,
  reason: PlanReason,
  policy: typeof MTLS,
  links: AgentFacts["links"],
  rest?: Partial<AgentFacts>,
];

const CASES: readonly Case[] = [
  ["has met it all the time", "meets_policy", MTLS, [seen("mtls", [20, 0])]],
  ["mtls is never less than tls", "meets_policy", floor("tls"), [seen("mtls", [20, 0])]],
  ["met it once, four weeks ago", "meets_policy", MTLS, [seen("mtls", [28, 28])]],
  ["moved before", "moved_before", MTLS, [seen("plaintext", [20, 9]), seen("mtls", [8, 0])]],
  [
    "an unproven one that was raised by hand",
    "moved_before",
    floor("advanced"),
    [seen("plaintext", [20, 9]), seen("advanced", [8, 0])],
    unproven,
  ],
  ["QM-13: plaintext from this host", "loopback_kept", MTLS, [{ ...plaintext, ...HERE }], unproven],
  [
    "QM-13: and by IPv6",
    "loopback_kept",
    MTLS,
    [seen("plaintext", [9, 0], { address: "::1" })],
    unproven,
  ],
  [
    "QM-13: not where it is switched off",
    "no_identity",
    floor("mtls", { loopback: "off" }),
    [{ ...plaintext, ...HERE }],
    unproven,
  ],
  ["plaintext with an identity", "climbs", MTLS, [plaintext]],
  ["basic with an identity", "climbs", floor("advanced"), [seen("basic", [9, 0])]],
  ["not yet heard after its join", "climbs", MTLS, [plaintext], { state: "joining" }],
  ["no proof on its links", "climbs", PROOF, [seen("tls", [9, 0])]],
  ["both by turns", "mixed", MTLS, [seen("plaintext", [20, 1]), seen("mtls", [8, 0])]],
  ["up and down again", "climbs", MTLS, [seen("mtls", [20, 9]), seen("plaintext", [8, 0])]],
  [
    "the last of the one is the first of the other",
    "mixed",
    MTLS,
    [seen("plaintext", [20, 8]), seen("mtls", [8, 0])],
  ],
  [
    "both live at once",
    "climbs",
    MTLS,
    [seen("mtls", [1, 0], { isLive: true }), seen("plaintext", [20, 0], { isLive: true })],
  ],
  [
    "refused for its level after it was good",
    "mixed",
    MTLS,
    [seen("mtls", [20, 2]), seen("tls", [3, 1], { code: "policy.level_refused" })],
  ],
  [
    "refused for anything else",
    "meets_policy",
    MTLS,
    [seen("mtls", [20, 0]), seen("tls", [3, 1], { code: "admission.certificate_expired" })],
  ],
  [
    "post-quantum at times",
    "post_quantum_seen",
    PQ,
    [seen("mtls", [20, 9]), seen("mtls", [8, 0], CLASSIC)],
  ],
  [
    "post-quantum in another component",
    "post_quantum_seen",
    PQ,
    [seen("mtls", [8, 0], CLASSIC), seen("mtls", [20, 9], { component: "worker" })],
  ],
  ["never post-quantum", "no_post_quantum", PQ, [seen("mtls", [8, 0], CLASSIC)]],
  ["plaintext, and never post-quantum", "no_post_quantum", PQ, [plaintext]],
  ["plaintext now, post-quantum before", "climbs", PQ, [seen("tls", [29, 28]), plaintext]],
  ["only keys accepted, and it has one", "climbs", ADVANCED, [seen("basic", [8, 0])]],
  ["only keys accepted, and it used none", "no_key", KEYS, [plaintext]],
  ["only keys accepted, and it is above", "no_higher_level", KEYS, [seen("mtls", [8, 0])]],
  [
    "only keys accepted, and it was above",
    "no_higher_level",
    ADVANCED,
    [seen("basic", [8, 0]), seen("tls", [20, 9])],
  ],
  ["F23: not seen in the period", "not_seen", MTLS, []],
  ["F23: not seen, and open to all", "not_seen", floor("plaintext"), []],
  ["seen by another kind alone", "not_seen", MTLS, [], unproven],
  [
    "refused whenever it came",
    "only_refused",
    MTLS,
    [seen("mtls", [8, 0], { code: "admission.agent_quarantined" })],
  ],
  ["waits for approval", "kept_out", MTLS, [], { state: "pending" }],
  ["quarantined, and not seen", "kept_out", MTLS, [], { state: "quarantined" }],
  ["quarantined, and lacking", "kept_out", MTLS, [plaintext], { state: "quarantined" }],
  ["quarantined, and good", "meets_policy", MTLS, [seen("mtls", [8, 5])], { state: "quarantined" }],
  ["QM-12: unproven at plaintext", "no_identity", MTLS, [plaintext], unproven],
  ["keyed at basic", "no_identity", MTLS, [seen("basic", [8, 0])], { ...unproven, state: "keyed" }],
  ["its level is accepted", "meets_policy", floor("basic"), [seen("basic", [8, 0])], unproven],
  ["it proves nothing", "no_identity", PROOF, [seen("advanced", [8, 0])], unproven],
  [
    "unproven, both by turns",
    "mixed_no_identity",
    floor("basic"),
    [seen("plaintext", [20, 1]), seen("basic", [8, 0])],
    unproven,
  ],
  ["too old to be told", "version_too_old", MTLS, [plaintext], { instructions: undefined }],
  [
    "its file does not allow it",
    "instruction_not_allowed",
    MTLS,
    [plaintext],
    { instructions: ["settings"] },
  ],
];

for (const [title, reason, policy, links, rest] of CASES) {
  test(`QMP-1: ${title}: ${PLAN_REASONS[reason]}, ${reason}`, () => {
    const planned = planAgent(factsOf(links, rest), wantedOf(policy));
    assert.deepEqual([planned?.reason, planned?.verdict], [reason, PLAN_REASONS[reason]]);
  });
}

test("every reason there is comes of some case", () => {
  const met = new Set(CASES.map(([, reason]) => reason));
  assert.deepEqual([...met].toSorted(), Object.keys(PLAN_REASONS).toSorted());
});

test("docs/reference/policy.md lists every reason with its verdict, and no other", () => {
  const page = readFileSync(
    join(import.meta.dirname, "../../../../docs/reference/policy.md"),
    "utf8",
  );
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (stays|moves|unknown|cut off) \|/gm)];
  assert.deepEqual(
    Object.fromEntries(rows.map(([, reason, verdict]) => [reason, verdict])),
    PLAN_REASONS,
  );
});

test("QM-12: a part tells how it came last, when, from where, and how often it would have been refused", () => {
  const links = [
    seen("mtls", [20, 9], { links: 3 }),
    { ...plaintext, links: 4, isLive: true },
    seen("basic", [12, 11], { links: 5 }),
  ];
  const planned = planAgent(factsOf(links), wantedOf(MTLS));
  assert.deepEqual(planned?.parts, [
    {
      kind: "control",
      component: "agent",
      verdict: "moves",
      reason: "climbs",
      level: "plaintext",
      group: null,
      lastMs: NOW_MS,
      address: "192.0.2.7",
      isLive: true,
      wouldRefuse: 9,
      moveTo: "mtls",
    },
  ]);
});

test("an agent is what the worst of its parts is, and other kinds than those asked for are left out", () => {
  const links = [
    seen("mtls", [9, 0]),
    seen("mtls", [9, 0], { ...CLASSIC, component: "worker" }),
    { ...plaintext, kind: "forward" as const },
  ];
  const planned = planAgent(factsOf(links, { instructions: [] }), wantedOf(MTLS));
  assert.deepEqual(
    planned?.parts.map(({ kind, component, verdict }) => [kind, component, verdict]),
    [
      ["control", "agent", "stays"],
      ["control", "worker", "stays"],
      ["forward", "agent", "cut off"],
    ],
  );
  assert.deepEqual([planned?.verdict, planned?.reason], ["cut off", "instruction_not_allowed"]);
  const control = planAgent(factsOf(links), wantedOf(MTLS, { kinds: ["control"] }));
  assert.deepEqual([control?.verdict, control?.parts.length], ["stays", 2]);
});

test("F17: who is revoked, declined or of another namespace is not counted", () => {
  const agents = (["active", "revoked", "declined", "unproven"] as const).map((state) =>
    factsOf([plaintext], { state }),
  );
  const others = factsOf([plaintext], { namespace: "lab" });
  const plan = planAgents([...agents, others], wantedOf(MTLS, { namespace: "default" }), 7);
  assert.deepEqual(plan.totals, { stays: 0, moves: 1, unknown: 0, "cut off": 1 });
  assert.deepEqual([plan.agents.length, plan.sinceMs, plan.wanted], [2, 7, MTLS]);
});

test("QM-3: the remedy fits the way in which an agent gets a new version", () => {
  const remedies = UPGRADES.map(
    (upgrade) => planAgent(factsOf([plaintext], { ...unproven, upgrade }), wantedOf(MTLS))?.remedy,
  );
  const told = `'tautline agents promote ${ID}' tells it where to join; then a token of 'tautline tokens create' on its host.`;
  assert.deepEqual(remedies, [
    told,
    `Replace the agent's whole distribution on its host. Then ${told}`,
    `Install a firmware patch that brings a newer agent. Then ${told}`,
  ]);
});

test("every verdict but 'stays' has a remedy", () => {
  for (const [title, reason, policy, links, rest] of CASES) {
    const remedy = planAgent(factsOf(links, rest), wantedOf(policy))?.remedy ?? "";
    const isNeeded = PLAN_REASONS[reason] !== "stays";
    if (isNeeded) assert.match(remedy, /^.{20,}[.']$/s, title);
  }
});

test("OV-2: an old product's version is told with the one that it needs", () => {
  const old = factsOf([plaintext], { version: "4.46", instructions: undefined });
  const planned = planAgent(old, wantedOf({ ...MTLS, accept: [...LEVELS].slice(1) }));
  assert.match(planned?.remedy ?? "", /at version 4\.46 \(>= 4\.50 does\)/);
});
