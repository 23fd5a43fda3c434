import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { launchProcess } from "@tautline/testing";

function launchTests(...stages: string[]) {
  const script = join(import.meta.dirname, "test.ts");
  return launchProcess({ command: process.execPath, args: [script, ...stages] });
}

test("the last line of npm test is the totals, alone, and the exit code agrees with them", async () => {
  await using run = launchTests("format");
  const { code } = await run.exited;
  const last = /\n(\d+) passed, (\d+) failed, (\d+) skipped\n$/.exec(run.stdout);
  assert.ok(last !== null, run.stdout);
  const [, passed, failed, skipped] = last.map(Number);
  assert.equal(Number(passed) + Number(failed), 1);
  assert.equal(skipped, 0);
  assert.equal(code, failed === 0 ? 0 : 1);
  assert.match(run.stdout, /^format +(?:passed|FAILED) +\d+\.\d s +\d passed/m);
  assert.equal(run.stderr, "");
});

test("a stage that does not exist is a usage error that lists those that do", async () => {
  await using run = launchTests("unti");
  assert.deepEqual(await run.exited, { code: 2, signal: null });
  assert.equal(run.stdout, "");
  assert.match(run.stderr, /no stage 'unti'.*types, lint, format, generated, architecture, unit/);
});
