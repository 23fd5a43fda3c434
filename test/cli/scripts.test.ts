import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { describe, test } from "node:test";
import { launchProcess, tautlineCommand, withTempFolder } from "@tautline/testing";
import { describeCentral, launchCentral } from "../running-central.ts";
import { type Captures, findMismatch } from "./match-lines.ts";
import { parseScript, type Script } from "./script.ts";

const HERE = import.meta.dirname;
/** Started as people start it in a clone; the other pages start what this run of the tests bundled. */
const BY_THE_LAUNCHER = "usage.txt";
const LAUNCHER = join(HERE, "..", "..", "bin");
const PAGES = readdirSync(HERE)
  .filter((name) => name.endsWith(".txt"))
  .toSorted();

async function runScript(
  script: Script,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const commands = script.title === launched?.title ? LAUNCHER : writeCommand(folder);
    for (const [name, content] of Object.entries(script.files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    const captures: Captures = {};
    for (const step of script.steps) {
      await using shell = launchProcess({
        command: "sh",
        args: ["-c", step.command],
        folder,
        env: {
          ...environment,
          ...captures,
          HOME: folder,
          PATH: [commands, process.env["PATH"]].join(delimiter),
        },
        signal,
      });
      const { code } = await shell.exited;
      const seen = `line ${step.line}: ${step.command}\nstdout:\n${shell.stdout}\nstderr:\n${shell.stderr}\nexit ${code}`;
      assert.equal(findMismatch(step.stdout, shell.stdout, captures), undefined, seen);
      assert.equal(findMismatch(step.stderr, shell.stderr, captures), undefined, seen);
      assert.equal(code, step.exit, seen);
    }
  });
}

const scripts = PAGES.map((name) => ({
  name,
  script: parseScript(readFileSync(join(HERE, name), "utf8")),
}));

const launched = scripts.find(({ name }) => name === BY_THE_LAUNCHER)?.script;

/** The folder of a `tautline` that goes straight to the program: these pages are about what it does, and start it often. */
function writeCommand(folder: string): string {
  const commands = join(folder, ".commands");
  mkdirSync(commands);
  const words = tautlineCommand().map((word) => `'${word}'`);
  writeFileSync(join(commands, "tautline"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, {
    mode: 0o755,
  });
  return commands;
}

test("every page of this folder has a title and commands", () => {
  assert.ok(scripts.length > 0);
  for (const { name, script } of scripts) {
    assert.notEqual(script.title, "untitled", name);
    assert.ok(script.steps.length > 0, name);
  }
});

// A command waits for the disk and for others as often as it computes.
describe("the pages of commands, each in a place of its own", { concurrency: 3 }, () => {
  for (const { name, script } of scripts) {
    test(`${name}: ${script.title}`, ({ signal }) =>
      script.needsCentral ? runWithCentral(script, signal) : runScript(script, {}, signal));
  }
});

async function runWithCentral(script: Script, signal: AbortSignal): Promise<void> {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    await using central = launchCentral(dataDir);
    await describeCentral(central, dataDir, folder);
    await runScript(script, { TAUTLINE_DATA: dataDir }, signal);
  });
}
