import assert from "node:assert/strict";
import { test } from "node:test";
import { groupText, levelAndGroup } from "./group-text.ts";

test("a group that is not known is called so, and plaintext has none", () => {
  for (const [row, group, phrase] of [
    [{ level: "mtls", group: "X25519" }, "X25519", "mtls, X25519"],
    [{ level: "mtls", group: null }, "not known", "mtls, group not known"],
    [{ level: "plaintext", group: null }, "none", "plaintext"],
  ] as const) {
    assert.deepEqual([groupText(row), levelAndGroup(row)], [group, phrase]);
  }
});
