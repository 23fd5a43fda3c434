import assert from "node:assert/strict";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { FILE_NAME, type SetFile, writeFileSet } from "./file-set.ts";

const FILES: readonly SetFile[] = [
  { name: "server.pem", content: "key", mode: 0o600 },
  { name: "server.crt", content: "chain", mode: 0o644 },
  { name: "ca.crt", content: "root", mode: 0o644 },
];

function refused(run: () => void): string {
  try {
    run();
  } catch (error) {
    if (isTautlineError(error)) return `${error.code} ${String(error.detail["file"])}`;
    throw error;
  }
  return "";
}

const textsIn = (folder: string): string[] =>
  readdirSync(folder)
    .toSorted()
    .map((name) => `${name}=${readFileSync(join(folder, name), "utf8")}`);

describe("files that belong together", () => {
  it("are written with their modes, whatever the umask, into a folder that is made", () =>
    withTempFolder(async (temp) => {
      const folder = join(temp, "a", "b");
      const before = process.umask(0o077);
      try {
        writeFileSet(FILES, { folder, replace: false });
      } finally {
        process.umask(before);
      }
      assert.deepEqual(textsIn(folder), ["ca.crt=root", "server.crt=chain", "server.pem=key"]);
      const modes = FILES.map(({ name }) => statSync(join(folder, name)).mode & 0o777);
      assert.deepEqual(modes, [0o600, 0o644, 0o644]);
    }));

  it("A14: replace nothing unless told, and then nothing else is left", () =>
    withTempFolder(async (folder) => {
      writeFileSync(join(folder, "ca.crt"), "another's");
      const run = (): void => writeFileSet(FILES, { folder, replace: false });
      assert.equal(refused(run), `certificate.file_exists ${join(folder, "ca.crt")}`);
      assert.deepEqual(textsIn(folder), ["ca.crt=another's"]);
      writeFileSet(FILES, { folder, replace: true });
      assert.deepEqual(textsIn(folder), ["ca.crt=root", "server.crt=chain", "server.pem=key"]);
    }));

  it("F2: are put back as they were where one of them cannot be written", () =>
    withTempFolder(async (folder) => {
      writeFileSync(join(folder, "server.pem"), "old key");
      // A folder gives no place to a file.
      mkdirSync(join(folder, "ca.crt"));
      const run = (): void => writeFileSet(FILES, { folder, replace: true });
      assert.match(refused(run), /^certificate\.file_unwritable .*ca\.crt$/);
      assert.deepEqual(readdirSync(folder).toSorted(), ["ca.crt", "server.pem"]);
      assert.equal(readFileSync(join(folder, "server.pem"), "utf8"), "old key");
    }));

  it("A14: replace a link and write nothing where it leads", () =>
    withTempFolder(async (folder) => {
      const victim = join(folder, "victim");
      writeFileSync(victim, "untouched");
      symlinkSync(victim, join(folder, "server.pem"));
      symlinkSync(victim, join(folder, "server.crt.tautline-new"));
      writeFileSet(FILES, { folder, replace: true });
      assert.equal(readFileSync(victim, "utf8"), "untouched");
      assert.throws(() => readlinkSync(join(folder, "server.pem")));
    }));

  it("go over what a process that was killed left behind", () =>
    withTempFolder(async (folder) => {
      for (const name of ["server.pem.tautline-new", "server.pem.tautline-old"]) {
        writeFileSync(join(folder, name), "torn");
      }
      writeFileSet(FILES, { folder, replace: true });
      assert.deepEqual(textsIn(folder), ["ca.crt=root", "server.crt=chain", "server.pem=key"]);
    }));

  it("are refused, and nothing hangs, where no folder can be made", () => {
    const folder = "/proc/no/such";
    const run = (): void => writeFileSet(FILES, { folder, replace: true });
    assert.equal(refused(run), `certificate.file_unwritable ${folder}`);
  });

  it("have plain names", () => {
    for (const name of ["server.crt", "a", ".hidden", "..."]) assert.match(name, FILE_NAME);
    for (const name of ["", ".", "..", "a/b", "a\0", "a b", "ä"]) {
      assert.doesNotMatch(name, FILE_NAME);
    }
  });
});
