import assert from "node:assert/strict";
import { test } from "node:test";
import { groupPhrase, groupText } from "./group-text.ts";

test("a group is named as it was proven, `not known` where it was not, and never guessed", () => {
  for (const [row, cell, phrase] of [
    [{ level: "mtls", group: "P-256" }, "P-256", "P-256"],
    [{ level: "tls", group: null }, "not known", "group not known"],
    [{ level: "plaintext", group: null }, "none", "no key exchange"],
    [{}, "not known", "group not known"],
  ] as const) {
    assert.deepEqual([groupText(row), groupPhrase(row)], [cell, phrase]);
  }
});
