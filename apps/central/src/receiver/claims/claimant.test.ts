import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ForeignPeer } from "@tautline/link";
import { isTautlineError } from "@tautline/protocol";
import type { LinkIdentity, ShownToken } from "../caller.ts";
import { claimantsOf, parseClaimant } from "./claimant.ts";

const ID = "01975f3e-7c1a-7d3e-8a5b-0123456789ab";
const PIN = "ab".repeat(32);
const NONE: ShownToken = { kind: "none" };
const shop: ShownToken = {
  kind: "proven",
  client: { name: "shop", namespace: "default", tokenId: "t", expiresAtMs: 0 },
};
const agent: LinkIdentity = { kind: "agent", id: ID, namespace: "default", spiffeId: "s" };
const foreign: LinkIdentity = { kind: "foreign", peer: { keyPin: PIN } as ForeignPeer };
const key: LinkIdentity = { kind: "key", name: "legacy", namespace: "lab" };
const program: LinkIdentity = {
  kind: "program",
  name: "shop.example",
  namespace: "",
  serial: "1",
};

describe("claimantsOf", () => {
  const CASES: readonly [string, LinkIdentity, ShownToken, readonly string[]][] = [
    ["an agent", agent, NONE, [`agent:${ID}`]],
    ["a client", { kind: "nobody" }, shop, ["client:shop"]],
    ["a client over an agent's link", agent, shop, [`agent:${ID}`, "client:shop"]],
    ["a certificate", foreign, NONE, [`certificate:${PIN}`]],
    ["a shared key", key, NONE, ["key:legacy"]],
    ["a program", program, NONE, ["program:shop.example"]],
    ["whoever proves nothing", { kind: "nobody" }, NONE, ["nobody"]],
  ];
  for (const [what, identity, token, claimants] of CASES) {
    it(`${what} is ${claimants.join(" and ")}`, () => {
      assert.deepEqual(claimantsOf(identity, token), claimants);
      for (const each of claimants) assert.equal(parseClaimant(each), each);
    });
  }
});

const isRefused = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "value.claimant";

describe("parseClaimant", () => {
  const WRONG = ["", "shop", "client:", "client:a.b", "agent:1", "certificate:xyz", "nobody:x"];
  for (const text of [...WRONG, `certificate:${PIN.toUpperCase()}`, "namespace:A", "user:shop"]) {
    it(`refuses '${text}'`, () => {
      assert.throws(() => parseClaimant(text), isRefused);
    });
  }
  it("takes a namespace", () => {
    assert.equal(parseClaimant("namespace:lab"), "namespace:lab");
  });
});
