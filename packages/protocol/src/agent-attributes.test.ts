import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  formatInstructionKinds,
  readInstructionKinds,
  readUpgrade,
  UPGRADES,
} from "./agent-attributes.ts";

test("QM-3: each way to a newer version is read as it is written, and anything else as the usual one", () => {
  assert.deepEqual(UPGRADES.map(readUpgrade), UPGRADES);
  for (const text of [undefined, "", "REMOTE", "carrier-pigeon"]) {
    assert.equal(readUpgrade(text), "remote");
  }
});

test("kinds of instruction are read as they were written: sorted, each once; none is not the same as nothing said", () => {
  const kinds = ["settings", "addresses", "level", "level"];
  const text = formatInstructionKinds(kinds);
  assert.equal(text, "addresses,level,settings");
  assert.deepEqual(readInstructionKinds(text), ["addresses", "level", "settings"]);
  assert.deepEqual(readInstructionKinds(formatInstructionKinds([])), []);
  assert.equal(readInstructionKinds(undefined), undefined);
});

test("whatever text an agent sends, only words that can be a kind come of it", () => {
  const pieces = fc.constantFrom("level", "Level", ",", " ", "a".repeat(33), "\u0000", "-");
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces).map((each) => each.join("")),
  );
  fc.assert(
    fc.property(text, (said) => {
      for (const kind of readInstructionKinds(said) ?? []) assert.match(kind, /^[a-z][a-z-]*$/);
    }),
  );
});
