import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Level, levelsFrom, LEVELS, type LinkPolicy, OPEN_POLICY } from "@tautline/protocol";
import { keepsLoopback, neededLevels } from "./needed-levels.ts";

const accepting = (...accept: Level[]): LinkPolicy => ({ ...OPEN_POLICY, accept });

describe("neededLevels", () => {
  const table: readonly (readonly [
    what: string,
    policies: readonly LinkPolicy[],
    excepted: readonly Level[],
    needed: readonly Level[],
  ])[] = [
    ["nobody set anything", [OPEN_POLICY, OPEN_POLICY], [], LEVELS],
    ["every policy asks for tls", [accepting("tls"), accepting("tls")], [], ["tls", "mtls"]],
    ["one namespace has none", [accepting("mtls"), OPEN_POLICY], [], LEVELS],
    ["two want different ones", [accepting("mtls"), accepting("basic")], [], ["basic", "mtls"]],
    ["somebody is excepted", [accepting("mtls")], ["plaintext"], ["plaintext", "mtls"]],
    ["two are at one level", [accepting("mtls")], ["tls", "tls"], ["tls", "mtls"]],
    ["there is no namespace", [], [], []],
  ];
  for (const [what, policies, excepted, needed] of table) {
    it(`where ${what}: ${needed.join(", ") || "none"}`, () => {
      const exceptions = excepted.map((level) => ({ level }));
      assert.deepEqual(neededLevels(policies, exceptions), needed);
    });
  }
});

describe("keepsLoopback", () => {
  it("QM-13: is so until every policy says off", () => {
    const off: LinkPolicy = { ...OPEN_POLICY, accept: levelsFrom("tls"), loopback: "off" };
    assert.equal(keepsLoopback([off, { ...off, loopback: "keep" }]), true);
    assert.equal(keepsLoopback([off, off]), false);
    assert.equal(keepsLoopback([off, OPEN_POLICY]), true);
  });
});
