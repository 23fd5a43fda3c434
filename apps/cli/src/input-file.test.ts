import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { readInput, systemReason } from "./input-file.ts";

const stdin = (text: string): Readable => Readable.from([text]);

function refusal(reason: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isTautlineError(error));
    assert.equal(error.code, "cli.file_unreadable");
    assert.match(error.message, reason);
    return true;
  };
}

test("a file is read from the caller's folder, standard input for -", () =>
  withTempFolder(async (cwd) => {
    writeFileSync(join(cwd, "token"), "from file");
    const stdin = Readable.from(["from ", Buffer.from("stdin")]);
    assert.equal((await readInput("token", 100, { cwd, stdin })).toString(), "from file");
    assert.equal((await readInput("-", 100, { cwd, stdin })).toString(), "from stdin");
  }));

test("exactly the limit is read, one byte more is refused", () =>
  withTempFolder(async (cwd) => {
    writeFileSync(join(cwd, "four"), "1234");
    assert.equal((await readInput("four", 4, { cwd, stdin: stdin("") })).length, 4);
    assert.equal((await readInput("-", 4, { cwd, stdin: stdin("1234") })).length, 4);
    await assert.rejects(readInput("four", 3, { cwd, stdin: stdin("") }), refusal(/more than 3/));
    await assert.rejects(
      readInput("-", 3, { cwd, stdin: stdin("1234") }),
      refusal(/standard input/),
    );
  }));

test("an endless device is given up at the limit", () =>
  withTempFolder(async (cwd) => {
    const stdin = Readable.from([]);
    await assert.rejects(readInput("/dev/zero", 4096, { cwd, stdin }), refusal(/more than 4096/));
  }));

test("a missing file and a folder are named with the system's reason", () =>
  withTempFolder(async (cwd) => {
    mkdirSync(join(cwd, "folder"));
    const stdin = Readable.from([]);
    await assert.rejects(
      readInput("absent", 10, { cwd, stdin }),
      refusal(/absent cannot be read: no such file or directory/),
    );
    await assert.rejects(
      readInput("folder", 10, { cwd, stdin }),
      refusal(/illegal operation on a directory/),
    );
  }));

test("a reason is words where the system gives any, else its code", () => {
  assert.equal(systemReason(new Error("EACCES: permission denied, open 'x'")), "permission denied");
  assert.equal(systemReason(Object.assign(new Error("connect"), { code: "EX" })), "EX");
  assert.equal(systemReason("text"), "unknown");
});
