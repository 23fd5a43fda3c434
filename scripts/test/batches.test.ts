import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { batchFiles, membersOf, writeBatches } from "./batches.ts";

const files = (workspace: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${workspace}/src/${index}.test.ts`);

test("a batch holds files of one workspace, and no more than asked for", () => {
  const batches = batchFiles([...files("apps/a", 3), ...files("packages/b", 1)], 2);
  assert.deepEqual(
    batches.map(({ name, files: members }) => [name, members.length]),
    [
      ["apps-a-1", 2],
      ["apps-a-2", 1],
      ["packages-b-1", 1],
    ],
  );
});

test("every file is in one batch, in its order, and batches of a workspace are of like size", () => {
  for (const count of [1, 11, 12, 13, 25, 100, 144]) {
    const all = files("apps/a", count);
    const batches = batchFiles(all, 12);
    assert.deepEqual(
      batches.flatMap((batch) => batch.files),
      all,
    );
    const sizes = batches.map((batch) => batch.files.length);
    assert.ok(Math.max(...sizes) <= 12);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join());
  }
});

test("a written batch names its members, whatever is in their paths", async () => {
  await withTempFolder((folder) => {
    const odd = [`apps/a/src/it's "odd" %20 #1.test.ts`, "apps/a/src/plain.test.ts"];
    const [path = ""] = writeBatches([{ name: "a-1", files: odd }], "/the house", folder);
    assert.equal(basename(path), "a-1.batch.test.mjs");
    assert.deepEqual(
      membersOf(path),
      odd.map((file) => join("/the house", file)),
    );
  });
});

test("a file that is no batch is its own only member", () => {
  assert.deepEqual(membersOf("/no/such/a.test.ts"), ["/no/such/a.test.ts"]);
});
