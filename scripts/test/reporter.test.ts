import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import type { TestEvent } from "node:test/reporters";
import { createReporter } from "./reporter.ts";

const FILE = "open.test.mjs";

function fileEvent(type: "test:dequeue" | "test:complete"): TestEvent {
  const details = type === "test:complete" ? { details: { passed: false } } : {};
  return { type, data: { name: FILE, nesting: 0, ...details } } as TestEvent;
}

function completed(name: string, passed: boolean, type = "test"): TestEvent {
  const file = resolve(FILE);
  return {
    type: "test:complete",
    data: { name, nesting: 1, file, details: { passed, type } },
  } as TestEvent;
}

test("a file that does not end is named with the tests that failed in it, whose failures the runner holds back until then", () => {
  const { take, progress } = createReporter();
  take(fileEvent("test:dequeue"));
  assert.deepEqual(progress().running, [FILE]);
  for (const [name, passed, type] of [
    ["holds", true, "test"],
    ["breaks", false, "test"],
    ["what is open", false, "suite"],
    ["tears", false, "test"],
  ] as const) {
    take(completed(name, passed, type));
  }
  assert.deepEqual(progress().running, [`${FILE}, where 'breaks', 'tears' failed`]);
  take(fileEvent("test:complete"));
  assert.deepEqual(progress().running, []);
});

test("a failure in a file that runs no more is not told of another one", () => {
  const { take, progress } = createReporter();
  take(completed("breaks", false));
  take(fileEvent("test:dequeue"));
  assert.deepEqual(progress().running, [FILE]);
});
