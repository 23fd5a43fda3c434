import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { refusalOf } from "../../fixture-checks.test.ts";
import { type Allowance, type Claim, CLAIM_LIMITS } from "./claim.ts";
import { claimsBeyond, parseAllowed } from "./claim-rule.ts";

const service = (text: string): Claim => ({ kind: "service", text });
const instance = (text: string): Claim => ({ kind: "instance", text });
const list = (services: readonly string[], instances: readonly string[] = []): Allowance => ({
  services,
  instances,
});

describe("claimsBeyond", () => {
  const CASES: readonly [string, readonly Claim[], readonly Allowance[], readonly string[]][] = [
    ["no list: nothing may be claimed", [service("a")], [], ["a"]],
    ["no list, and nothing claimed", [], [], []],
    ["the name itself", [service("shop")], [list(["shop"])], []],
    ["another name", [service("shop2"), service("sho")], [list(["shop"])], ["shop2", "sho"]],
    ["another case of letters", [service("Shop")], [list(["shop"])], ["Shop"]],
    ["a beginning", [service("shop-a"), service("shop-")], [list(["shop-*"])], []],
    ["what begins otherwise", [service("shop")], [list(["shop-*"])], ["shop"]],
    ["a star alone", [service("anything")], [list(["*"])], []],
    ["one of several", [service("b")], [list(["a", "b"])], []],
    ["any instance where none is listed", [instance("i")], [list(["shop"])], []],
    ["an instance that is listed", [instance("i-1")], [list(["shop"], ["i-*"])], []],
    ["one that is not", [instance("j")], [list(["shop"], ["i-*"])], ["j"]],
    ["two lists: both have to allow it", [service("a")], [list(["*"]), list(["b"])], ["a"]],
    ["two lists that do", [service("a")], [list(["*"]), list(["a"])], []],
    ["a namespace of OpenTelemetry", [service("x/shop")], [list(["shop", "y/*"])], ["x/shop"]],
  ];
  for (const [what, claims, lists, beyond] of CASES) {
    it(`${what}: ${beyond.length === 0 ? "allowed" : "not allowed"}`, () => {
      assert.deepEqual(
        claimsBeyond(claims, lists).map(({ text }) => text),
        beyond,
      );
    });
  }

  it("one list more never allows more", () => {
    const names = fc.array(fc.constantFrom("a", "b", "ab", "a*", "b*", "*"), { maxLength: 3 });
    const lists = fc.array(fc.record({ services: names, instances: names }), {
      minLength: 1,
      maxLength: 3,
    });
    const claims = fc.array(
      fc.record({
        kind: fc.constantFrom("service" as const, "instance" as const),
        text: fc.constantFrom("a", "b", "ab", "c"),
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(claims, lists, lists, (claimed, some, more) => {
        const before = claimsBeyond(claimed, some);
        const after = claimsBeyond(claimed, [...some, ...more]);
        for (const each of before) assert.ok(after.includes(each));
      }),
    );
  });
});

describe("parseAllowed", () => {
  it("takes names with what names have, each once", () => {
    const names = ["shop-*", "demo", "group::svc|x|", "demo", "*"];
    assert.deepEqual(parseAllowed(names), ["*", "demo", "group::svc|x|", "shop-*"]);
  });

  const { listed, listedCharacters } = CLAIM_LIMITS;
  const REFUSED: readonly [string, readonly string[]][] = [
    ["an empty name", [""]],
    ["a star inside", ["a*b"]],
    ["two stars", ["a**"]],
    ["a line break", ["a\nb"]],
    ["a blank at the end", ["shop "]],
    ["one character too many", ["x".repeat(listedCharacters + 1)]],
    ["one name too many", Array.from({ length: listed + 1 }, (_, index) => `n${index}`)],
  ];
  for (const [what, names] of REFUSED) {
    it(`refuses ${what}`, async () => {
      const refusal = await refusalOf(async () => void parseAllowed(names));
      assert.equal(refusal.code, "value.claimed_name");
    });
  }

  it("takes as many and as long as may be", () => {
    assert.equal(parseAllowed(["x".repeat(listedCharacters)]).length, 1);
    const names = Array.from({ length: listed }, (_, index) => `n${index}`);
    assert.equal(parseAllowed(names).length, listed);
  });
});
