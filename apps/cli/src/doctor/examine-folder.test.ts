import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { examineFolder, examineSpace } from "./examine-folder.ts";

const MEBIBYTE = 1024 * 1024;
const self = process.geteuid?.();

/** Findings about the disk depend on the machine. */
function examine(folder: string, userId = self): readonly string[] {
  return examineFolder(folder, userId)
    .filter(({ what }) => !what.includes("MiB"))
    .map(({ severity, what, where, remedy }) => `${severity} ${where}: ${what} > ${remedy}`);
}

test("A14: every file and folder that others may reach is an error with the command that mends it", () =>
  withTempFolder((folder) => {
    writeFileSync(join(folder, "vault.key"), "", { mode: 0o600 });
    assert.deepEqual(examine(folder), []);
    chmodSync(join(folder, "vault.key"), 0o640);
    chmodSync(folder, 0o755);
    assert.deepEqual(examine(folder), [
      `error ${folder}: Other users may reach it: its mode is 0755, not 0700 > chmod 0700 '${folder}'`,
      `error ${folder}/vault.key: Other users may reach it: its mode is 0640, not 0600 > chmod 0600 '${folder}/vault.key'`,
    ]);
  }));

test("each bit of group and world counts", () =>
  withTempFolder((folder) => {
    const file = join(folder, "x");
    writeFileSync(file, "");
    for (const bit of [0o040, 0o020, 0o010, 0o004, 0o002, 0o001]) {
      chmodSync(file, 0o600 | bit);
      assert.equal(examine(folder).length, 1, bit.toString(8));
    }
  }));

test("a symbolic link has no mode of its own", () =>
  withTempFolder((folder) => {
    symlinkSync("/etc/hostname", join(folder, "link"));
    assert.deepEqual(examine(folder), []);
  }));

test("a file of another user is an error, except for root, who may look at anybody's", () =>
  withTempFolder((folder) => {
    const stranger = (self ?? 0) + 1;
    assert.match(examine(folder, stranger).join("\n"), /It belongs to user \d+, not to user \d+/);
    assert.deepEqual(examine(folder, 0), []);
  }));

test("SWP-1: a certificate without its key is half a key pair", () =>
  withTempFolder((folder) => {
    for (const name of ["a.crt", "b.crt", "b.key", "c-cert.pem", "d-cert.pem", "d-key.pem"]) {
      writeFileSync(join(folder, name), "", { mode: 0o600 });
    }
    assert.deepEqual(
      examineFolder(folder, self)
        .map(({ what }) => what)
        .filter((what) => what.startsWith("Half")),
      [
        "Half a key pair: there is a.crt, but no a.key",
        "Half a key pair: there is c-cert.pem, but no c-key.pem",
      ],
    );
  }));

test("little free space is a warning, almost none an error", () => {
  const rows: readonly (readonly [number, string | undefined])[] = [
    [1024 * MEBIBYTE, undefined],
    [1024 * MEBIBYTE - 1, "warning"],
    [100 * MEBIBYTE, "warning"],
    [100 * MEBIBYTE - 1, "error"],
    [0, "error"],
  ];
  for (const [bytes, severity] of rows) {
    assert.equal(examineSpace("/data", bytes)[0]?.severity, severity, String(bytes));
  }
});

test("a folder that cannot be read is itself the finding", () =>
  withTempFolder((folder) => {
    const file = join(folder, "no-folder");
    writeFileSync(file, "");
    assert.match(examine(file).join(), /The data folder cannot be read: not a directory/);
    mkdirSync(join(folder, "empty"), { mode: 0o700 });
    assert.deepEqual(examine(join(folder, "empty")), []);
  }));
