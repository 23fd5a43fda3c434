import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../test/manual-clock.ts";
import { systemClock, wait } from "./clock.ts";

test("a wait ends when its time has passed", async () => {
  const clock = createManualClock();
  const waiting = wait(clock, 1_000, new AbortController().signal);
  assert.deepEqual(clock.pending, [1_000]);
  clock.advance(1_000);
  await waiting;
});

test("a wait ends at once when its signal aborts, before or meanwhile, and leaves no timer", async () => {
  const clock = createManualClock();
  await wait(clock, 1_000, AbortSignal.abort());
  const stop = new AbortController();
  const waiting = wait(clock, 1_000, stop.signal);
  stop.abort();
  await waiting;
  assert.deepEqual(clock.pending, []);
});

test("the host's clock rings, and does not ring once called off", async () => {
  const rung: string[] = [];
  const callOff = systemClock.after(0, () => rung.push("called off"));
  callOff();
  await new Promise<void>((resolve) => {
    systemClock.after(1, resolve);
  });
  assert.deepEqual(rung, []);
  assert.ok(systemClock.now() > Date.UTC(2026, 0, 1));
});
