import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { createManualClock } from "../../test/manual-clock.ts";
import { startAtLast } from "./start-at-last.ts";

const failure = (reason: string): TautlineError =>
  new TautlineError("vault.file_unsafe", { detail: { file: "/edge/state.json", reason } });

test("what cannot start is tried again until it can, and each hindrance is told once", async () => {
  const clock = createManualClock();
  const hindrances = ["its mode", "its mode", "its owner"];
  const told: unknown[] = [];
  const started = startAtLast(
    () => {
      const reason = hindrances.shift();
      if (reason !== undefined) throw failure(reason);
    },
    {
      clock,
      random: () => 1,
      onProblem: ({ detail }) => told.push(detail["reason"]),
      signal: new AbortController().signal,
    },
  );
  while (hindrances.length > 0 || clock.pending.length > 0) {
    clock.advance(30_000);
    await Promise.resolve();
  }
  await started;
  assert.deepEqual(told, ["its mode", "its owner"]);
});

test("once it is to stop it is tried no more", async () => {
  const stopping = new AbortController();
  let tries = 0;
  const ended = startAtLast(
    () => {
      tries += 1;
      throw failure("its mode");
    },
    {
      clock: createManualClock(),
      random: () => 0,
      onProblem: () => stopping.abort(),
      signal: stopping.signal,
    },
  );
  await ended;
  assert.equal(tries, 1);
});
