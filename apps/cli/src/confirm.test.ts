import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { confirm } from "./confirm.ts";
import { createRecordedContext } from "./test-world.ts";

const needsYes = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "cli.confirmation_needed" && error.exitCode === 2;

test("--yes answers without asking", async () => {
  await confirm("Really?", true, createRecordedContext("/").context);
});

test("where nobody can be asked nothing is done", async () => {
  await assert.rejects(confirm("Really?", false, createRecordedContext("/").context), needsYes);
});

test("--json never asks, even at a terminal", async () => {
  const { context } = createRecordedContext("/", { interactive: true, json: true });
  await assert.rejects(confirm("Really?", false, context), needsYes);
});
