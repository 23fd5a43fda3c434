import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Level, LEVELS } from "./level.ts";
import {
  acceptsLevel,
  isSamePolicy,
  lackOf,
  levelsFrom,
  type LinkPolicy,
  OPEN_POLICY,
  type PolicyFacts,
} from "./link-policy.ts";

const MTLS: LinkPolicy = { ...OPEN_POLICY, accept: ["mtls"], loopback: "off" };

function link(level: Level, more: Partial<PolicyFacts> = {}): PolicyFacts {
  const proven = level === "mtls";
  return { level, pq: false, clientProven: proven, isLoopback: false, ...more };
}

describe("a policy of links", () => {
  it("OV-1: takes every level where nobody set one", () => {
    for (const level of LEVELS) assert.equal(lackOf(OPEN_POLICY, link(level)), undefined);
  });

  const cases: readonly (readonly [string, LinkPolicy, PolicyFacts, string | undefined])[] = [
    ["a level that is not in the set", MTLS, link("advanced"), "level"],
    ["tls where only mtls is", MTLS, link("tls"), "level"],
    ["mtls where only tls is", { ...MTLS, accept: ["tls"] }, link("mtls"), undefined],
    [
      "a level between two of the set",
      { ...MTLS, accept: ["plaintext", "mtls"] },
      link("basic"),
      "level",
    ],
    [
      "an unproven dialler",
      { ...MTLS, accept: ["tls"], clientProof: "require" },
      link("tls"),
      "client-proof",
    ],
    [
      "a dialler proven inside the link",
      { ...MTLS, accept: ["tls"], clientProof: "require" },
      link("tls", { clientProven: true }),
      undefined,
    ],
    ["a classical key exchange", { ...MTLS, postQuantum: "require" }, link("mtls"), "post-quantum"],
    ["a hybrid one", { ...MTLS, postQuantum: "require" }, link("mtls", { pq: true }), undefined],
    ["the level before anything else", { ...MTLS, postQuantum: "require" }, link("basic"), "level"],
    [
      "QM-13: plaintext from this host where it is kept",
      { ...MTLS, loopback: "keep" },
      link("plaintext", { isLoopback: true }),
      undefined,
    ],
    [
      "plaintext from this host where it is off",
      MTLS,
      link("plaintext", { isLoopback: true }),
      "level",
    ],
    [
      "another level from this host",
      { ...MTLS, loopback: "keep" },
      link("basic", { isLoopback: true }),
      "level",
    ],
    [
      "QM-14: a policy of proofs does not end what is kept on this host",
      { ...MTLS, clientProof: "require", postQuantum: "require", loopback: "keep" },
      link("plaintext", { isLoopback: true }),
      undefined,
    ],
  ];
  for (const [what, policy, facts, lack] of cases) {
    it(`judges ${what}: ${lack ?? "good enough"}`, () => assert.equal(lackOf(policy, facts), lack));
  }

  it("reads a floor as every level from it on", () => {
    assert.deepEqual(levelsFrom("advanced"), ["advanced", "tls", "mtls"]);
    assert.deepEqual(levelsFrom("plaintext"), LEVELS);
    assert.deepEqual(levelsFrom("mtls"), ["mtls"]);
  });

  it("never takes tls for mtls", () => {
    assert.ok(acceptsLevel(["tls"], "mtls"));
    assert.ok(!acceptsLevel(["mtls"], "tls"));
  });

  it("is the same as another that asks for the same, however it is written", () => {
    assert.ok(isSamePolicy({ ...MTLS, accept: ["tls"] }, { ...MTLS, accept: ["tls", "mtls"] }));
    assert.ok(!isSamePolicy(MTLS, { ...MTLS, accept: ["tls"] }));
    for (const other of [
      { clientProof: "require" },
      { postQuantum: "require" },
      { loopback: "keep" },
    ] as const) {
      assert.ok(!isSamePolicy(MTLS, { ...MTLS, ...other }));
    }
  });
});
