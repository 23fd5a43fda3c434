import assert from "node:assert/strict";
import { chmodSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { watchFiles } from "./watched-files.ts";

const MOMENT = new Date(1_700_000_000_000);

/** A value that is the text of a file; "bad" cannot be read. */
async function withWatch(
  use: (file: string, watch: ReturnType<typeof watchFiles<string>>) => void,
): Promise<void> {
  await withTempFolder((folder) => {
    const file = join(folder, "file");
    writeFileSync(file, "one");
    const read = (): string => {
      const text = readFileSync(file, "utf8");
      if (text === "bad") throw new Error("bad");
      return text;
    };
    use(
      file,
      watchFiles(() => [file], read),
    );
  });
}

describe("files that are read again (SW-11)", () => {
  it("what has not changed is not read again, whatever its time says", async () => {
    await withWatch((file, watch) => {
      utimesSync(file, MOMENT, MOMENT);
      assert.equal(watch.look(), "same");
      assert.equal(watch.value, "one");
    });
  });

  it("new content is taken, also of the same length and time", async () => {
    await withWatch((file, watch) => {
      utimesSync(file, MOMENT, MOMENT);
      writeFileSync(file, "two");
      utimesSync(file, MOMENT, MOMENT);
      assert.equal(watch.look(), "taken");
      assert.equal(watch.value, "two");
      assert.equal(watch.look(), "same");
    });
  });

  it("what cannot be read leaves the old value and says so once, until it can be read", async () => {
    await withWatch((file, watch) => {
      writeFileSync(file, "bad");
      assert.equal(watch.look(), "refused");
      assert.equal(watch.look(), "same");
      assert.equal(watch.value, "one");
      assert.ok(watch.problem !== undefined);
      writeFileSync(file, "good");
      assert.equal(watch.look(), "taken");
      assert.equal(watch.problem, undefined);
    });
  });

  it("a file that is gone is a change, and so are its permissions", async () => {
    await withWatch((file, watch) => {
      chmodSync(file, 0o640);
      assert.equal(watch.look(), "taken");
      rmSync(file);
      assert.equal(watch.look(), "refused");
      assert.equal(watch.value, "one");
    });
  });

  it("what cannot be read the first time is thrown", async () => {
    await withTempFolder((folder) => {
      const file = join(folder, "none");
      assert.throws(
        () =>
          watchFiles(
            () => [file],
            () => readFileSync(file),
          ),
        { code: "ENOENT" },
      );
    });
  });
});
