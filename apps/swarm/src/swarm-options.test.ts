import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJoinToken, isTautlineError } from "@tautline/protocol";
import { planSwarm, SWARM_BOUNDS, type SwarmOptions } from "./swarm-options.ts";

const token = encodeJoinToken({
  addresses: ["central.example.org:9150"],
  pins: [new Uint8Array(32).fill(7)],
  trustDomain: "fleet.test",
  namespace: "default",
  tokenId: "0011223344556677",
  secret: new Uint8Array(32).fill(9),
});

const sound: SwarmOptions = {
  agents: 10,
  to: "127.0.0.1:9150",
  token: `${token}\n`,
  durationMs: 60_000,
  intervalMs: 5_000,
};

function codeOf(change: Partial<SwarmOptions>): string | undefined {
  try {
    planSwarm({ ...sound, ...change });
    return undefined;
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    return error.code;
  }
}

test("a sound order becomes a plan: target and token read, the numbers as they were", () => {
  const plan = planSwarm({ ...sound, joinRate: 50 });
  assert.equal(plan.target.address, "127.0.0.1:9150");
  assert.equal(plan.token.trustDomain, "fleet.test");
  assert.deepEqual([plan.agents, plan.joinRate, plan.intervalMs], [10, 50, 5_000]);
});

test("the swarm goes where it is told, not where its token leads", () => {
  assert.equal(planSwarm(sound).target.host, "127.0.0.1");
});

for (const [key, { least, most }] of Object.entries(SWARM_BOUNDS)) {
  test(`${key} may be ${least} and ${most}, and nothing beyond`, () => {
    assert.equal(codeOf({ [key]: least }), undefined);
    assert.equal(codeOf({ [key]: most }), undefined);
    assert.equal(codeOf({ [key]: least - 0.05 }), "swarm.out_of_bounds");
    assert.equal(codeOf({ [key]: most + 1 }), "swarm.out_of_bounds");
    assert.equal(codeOf({ [key]: Number.NaN }), "swarm.out_of_bounds");
  });
}

test("half an agent is refused", () => {
  assert.equal(codeOf({ agents: 1.5 }), "swarm.out_of_bounds");
});

test("another host is refused, whatever else is right", () => {
  assert.equal(codeOf({ to: "192.0.2.1:9150" }), "swarm.not_loopback");
});

test("a damaged token is refused before anything is dialled", () => {
  assert.equal(codeOf({ token: token.slice(0, -2) }), "value.join_token");
});

test("a level is taken only with what it needs: a port for plaintext, a key for basic and advanced", () => {
  const key = { key: { name: "legacy" }, sharedKey: new Uint8Array(32) };
  assert.deepEqual(planSwarm(sound).levels, ["mtls"]);
  for (const level of ["plaintext", "basic", "advanced"] as const) {
    assert.equal(codeOf({ levels: ["mtls", level] }), "swarm.level_needs");
    assert.equal(codeOf({ levels: [level], key, plaintextTo: "127.0.0.1:8787" }), undefined);
  }
  assert.equal(codeOf({ levels: ["tls", "mtls"] }), undefined);
  assert.equal(codeOf({ levels: ["plaintext"], key }), "swarm.level_needs");
  const elsewhere = { levels: ["plaintext"], plaintextTo: "192.0.2.1:8787" } as const;
  assert.equal(codeOf(elsewhere), "swarm.not_loopback");
});
