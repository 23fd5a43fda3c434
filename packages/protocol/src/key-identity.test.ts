import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { isTautlineError } from "./error.ts";
import { formatKeyIdentity, isKeyName, parseKeyIdentity, parseKeyName } from "./key-identity.ts";
import { LIMITS } from "./limits.ts";

const LONGEST = "k".repeat(LIMITS.keyNameCharacters.value);

describe("a key's name", () => {
  for (const name of ["legacy", "a", "7", "site-3.kiosk_2", LONGEST]) {
    it(`can be '${name}'`, () => assert.equal(parseKeyName(name), name));
  }
  for (const name of [
    "",
    "Legacy",
    "-a",
    "a-",
    ".",
    "a b",
    "a#1",
    "ä",
    "a\n",
    "../a",
    `${LONGEST}k`,
  ]) {
    it(`cannot be ${JSON.stringify(name)}`, () => {
      assert.equal(isKeyName(name), false);
      assert.throws(
        () => parseKeyName(name),
        (e) => isTautlineError(e) && e.code === "value.key_name",
      );
    });
  }
});

describe("a key's identity on the wire", () => {
  const cases: [string, ReturnType<typeof parseKeyIdentity>][] = [
    ["legacy", { name: "legacy" }],
    ["legacy#1", { name: "legacy", version: 1 }],
    ["legacy#999999", { name: "legacy", version: 999_999 }],
    ["legacy#", undefined],
    ["legacy#0", undefined],
    ["legacy#01", undefined],
    ["legacy#1000000", undefined],
    ["legacy#-1", undefined],
    ["legacy#1#1", undefined],
    ["#1", undefined],
    ["", undefined],
    ["LEGACY", undefined],
  ];
  for (const [text, identity] of cases) {
    it(`${JSON.stringify(text)} is ${identity === undefined ? "none" : "read"}`, () => {
      assert.deepEqual(parseKeyIdentity(text), identity);
    });
  }

  it("is either refused or written as it was read, whatever the text", () => {
    const near = fc.stringMatching(/^[a-z0-9._#-]{0,70}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const identity = parseKeyIdentity(text);
        if (identity !== undefined) assert.equal(formatKeyIdentity(identity), text);
      }),
    );
  });
});
