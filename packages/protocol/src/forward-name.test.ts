import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { isTautlineError } from "./error.ts";
import { isForwardName, parseForwardName } from "./forward-name.ts";

describe("the name of a forward", () => {
  for (const text of ["db", "0", "web-2", "a--b", "a".repeat(63)]) {
    it(`'${text.slice(0, 20)}' is one, and is read as it is`, () => {
      assert.equal(parseForwardName(text), text);
    });
  }

  const others = [
    "",
    "Db",
    "-a",
    "a-",
    "a.b",
    "a_b",
    "a b",
    "a:1",
    "ä",
    "a\n",
    "a\0",
    "a".repeat(64),
  ];
  for (const text of others) {
    it(`${JSON.stringify(text.slice(0, 20))} is none`, () => {
      assert.throws(
        () => parseForwardName(text),
        (error) => isTautlineError(error) && error.code === "value.forward_name",
      );
    });
  }

  it("whatever is taken is lower-case letters, digits and inner hyphens", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", maxLength: 70 }), (text) => {
        const isLabel =
          /^[a-z0-9-]{1,63}$/.test(text) && !text.startsWith("-") && !text.endsWith("-");
        assert.equal(isForwardName(text), isLabel && !text.includes("\n"));
      }),
    );
  });
});
