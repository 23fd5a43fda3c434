import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dependingUses, type KnownUse } from "./dependence-rule.ts";

const use: KnownUse = {
  key: "site-3",
  version: 1,
  agentId: "a",
  usedAtMs: 1_000,
  agent: { state: "active", level: "advanced", lastSeenAtMs: 1_000 },
  isDeleted: false,
};
const inFleet = (changes: Partial<NonNullable<KnownUse["agent"]>>): Partial<KnownUse> => ({
  agent: { state: "active", level: "advanced", lastSeenAtMs: 1_000, ...changes },
});

const TABLE: [what: string, changes: Partial<KnownUse>, depends: boolean][] = [
  ["one that still comes by it", {}, true],
  ["one that is not recorded", { agent: undefined }, true],
  ["one in quarantine", inFleet({ state: "quarantined" }), true],
  ["one that has been silent since", inFleet({ lastSeenAtMs: 1 }), true],
  ["one that came by mtls before", inFleet({ level: "mtls", lastSeenAtMs: 999 }), true],
  ["one that came by mtls in the same moment", inFleet({ level: "mtls" }), true],
  ["one that came by mtls since", inFleet({ level: "mtls", lastSeenAtMs: 1_001 }), false],
  ["one that came in the clear since", inFleet({ level: "plaintext", lastSeenAtMs: 2_000 }), false],
  ["one that came at basic since", inFleet({ level: "basic", lastSeenAtMs: 2_000 }), true],
  ["a revoked one", inFleet({ state: "revoked" }), false],
  ["a declined one", inFleet({ state: "declined" }), false],
  ["a deleted one", { agent: undefined, isDeleted: true }, false],
];

describe("who would be cut off with a version of a key", () => {
  for (const [what, changes, depends] of TABLE) {
    it(`${what}: ${depends ? "is" : "is not"}`, () => {
      assert.equal(dependingUses([{ ...use, ...changes }]).length, depends ? 1 : 0);
    });
  }

  it("is decided by an agent's last use of any key", () => {
    const other = { ...use, key: "site-4", usedAtMs: 1_001 };
    const another = { ...use, agentId: "b" };
    assert.deepEqual(dependingUses([use, other, another]), [other, another]);
    assert.deepEqual(dependingUses([]), []);
  });
});
