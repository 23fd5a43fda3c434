import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { launchProcess, withTempFolder } from "@tautline/testing";
import { takeFolderLock } from "./folder-lock.ts";

const MODULE = new URL("./folder-lock.ts", import.meta.url).href;

const fails = (code: ErrorCode) => (error: unknown) =>
  isTautlineError(error) && error.code === code;

test("one holder at a time; released, it can be taken again", async () => {
  await withTempFolder((folder) => {
    const file = join(folder, "agent.lock");
    const first = takeFolderLock(file, folder);
    assert.throws(() => takeFolderLock(file, folder), fails("agent.already_running"));
    first.release();
    takeFolderLock(file, folder).release();
  });
});

test("another process is kept out, and kill -9 leaves nothing behind that keeps the next one out", async (t) => {
  await withTempFolder(async (folder) => {
    const file = join(folder, "agent.lock");
    const program = `
      const { takeFolderLock } = await import(${JSON.stringify(MODULE)});
      // Kept: a lock that nothing refers to may be collected, and is then released.
      globalThis.lock = takeFolderLock(${JSON.stringify(file)}, "x");
      console.log(JSON.stringify({ event: "held" }));
      setInterval(() => {}, 1_000);
    `;
    await using holder = launchProcess({
      command: process.execPath,
      args: ["--input-type=module", "-e", program],
      signal: t.signal,
    });
    await holder.waitForEvent(({ event }) => event === "held");
    assert.throws(() => takeFolderLock(file, folder), fails("agent.already_running"));
    await holder.kill("SIGKILL");
    assert.ok(existsSync(file));
    takeFolderLock(file, folder).release();
  });
});

test("A14: the lock is 0600 under umask 0, stays empty, and leaves no second file", async () => {
  const before = process.umask(0);
  try {
    await withTempFolder((folder) => {
      const file = join(folder, "agent.lock");
      const lock = takeFolderLock(file, folder);
      const { mode, size } = statSync(file);
      assert.deepEqual([mode & 0o777, size], [0o600, 0]);
      assert.deepEqual(readdirSync(folder), ["agent.lock"]);
      lock.release();
    });
  } finally {
    process.umask(before);
  }
});

test("a folder that is gone, a symbolic link and a file that is something else are refused, with a reason", async () => {
  await withTempFolder((folder) => {
    assert.throws(
      () => takeFolderLock(join(folder, "gone", "agent.lock"), folder),
      (error) => isTautlineError(error) && error.detail["reason"] === "ENOENT",
    );
    const link = join(folder, "link");
    symlinkSync(join(folder, "elsewhere"), link);
    assert.throws(() => takeFolderLock(link, folder), fails("agent.folder_unusable"));
    assert.ok(!existsSync(join(folder, "elsewhere")));
    const other = join(folder, "other");
    writeFileSync(other, "x".repeat(5_000));
    assert.throws(() => takeFolderLock(other, folder), fails("agent.folder_unusable"));
  });
});
