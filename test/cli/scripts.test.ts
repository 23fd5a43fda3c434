import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchProcess, withTempFolder } from "@tautline/testing";
import { describeCentral, launchCentral } from "../running-central.ts";
import { type Captures, findMismatch } from "./match-lines.ts";
import { parseScript, type Script } from "./script.ts";

const HERE = import.meta.dirname;
const BIN = join(HERE, "..", "..", "bin");
const PAGES = readdirSync(HERE)
  .filter((name) => name.endsWith(".txt"))
  .toSorted();

async function runScript(
  script: Script,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  await withTempFolder(async (folder) => {
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
          PATH: [BIN, process.env["PATH"]].join(delimiter),
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

test("every page of this folder has a title and commands", () => {
  assert.ok(scripts.length > 0);
  for (const { name, script } of scripts) {
    assert.notEqual(script.title, "untitled", name);
    assert.ok(script.steps.length > 0, name);
  }
});

for (const { name, script } of scripts.filter((page) => !page.script.needsCentral)) {
  test(`${name}: ${script.title}`, ({ signal }) => runScript(script, {}, signal));
}

describe("pages that need a central, read to one that runs", () => {
  const resources = new AsyncDisposableStack();
  let dataDir = "";

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "tautline-pages-"));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    dataDir = join(folder, "central");
    const central = resources.use(launchCentral(dataDir));
    await describeCentral(central, dataDir, folder);
  });
  after(() => resources.disposeAsync());

  for (const { name, script } of scripts.filter((page) => page.script.needsCentral)) {
    test(`${name}: ${script.title}`, ({ signal }) =>
      runScript(script, { TAUTLINE_DATA: dataDir }, signal));
  }
});
