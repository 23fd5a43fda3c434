import assert from "node:assert/strict";
import { mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "./temp-folder.ts";

test("withTempFolder gives an empty private folder and returns what was made of it", async () => {
  const seen = await withTempFolder((folder) => ({
    folder,
    real: realpathSync(folder),
    entries: readdirSync(folder),
    mode: statSync(folder).mode & 0o777,
  }));
  assert.deepEqual(seen.entries, []);
  assert.equal(seen.mode, 0o700);
  assert.equal(seen.folder, seen.real);
});

test("withTempFolder removes the folder with all that is in it", async () => {
  const folder = await withTempFolder((made) => {
    mkdirSync(join(made, "inner"));
    writeFileSync(join(made, "inner", "file"), "x", { mode: 0o400 });
    return made;
  });
  assert.equal(statSync(folder, { throwIfNoEntry: false }), undefined);
});

test("withTempFolder removes the folder when the test inside it fails, and passes the failure on", async () => {
  let folder = "";
  await assert.rejects(
    withTempFolder((made) => {
      folder = made;
      throw new Error("the test failed");
    }),
    /the test failed/,
  );
  assert.equal(statSync(folder, { throwIfNoEntry: false }), undefined);
});

test("two folders at the same time are different ones", async () => {
  await withTempFolder(async (first) => {
    await withTempFolder((second) => assert.notEqual(first, second));
  });
});
