import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createHouse } from "./architecture/house.ts";
import { LAYERS } from "./architecture/layers.ts";
import { readTexts } from "./architecture/read-texts.ts";
import { RULES } from "./architecture/rules.ts";

const house = createHouse(readTexts(join(import.meta.dirname, "..")));

test("the house is all there, and its sources were read", () => {
  const names = new Set(house.workspaces.map(({ shortName }) => shortName));
  for (const name of Object.keys(LAYERS)) {
    assert.ok(names.has(name), `${name} stands in the table of layers and nowhere else`);
    const count = house.sources.filter(({ path }) => path.includes(`/${name}/src/`)).length;
    assert.ok(count > 1, `${name} has ${count} source files`);
  }
});

for (const [sentence, rule] of RULES) {
  test(sentence, () => assert.deepEqual(rule(house), []));
}
