import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recordingLog } from "./control/fixture-messages.test.ts";
import { createTimers } from "./timers.ts";

describe("createTimers", () => {
  it("does its tasks again and again, each at its own pace", async () => {
    const counts = { often: 0, never: 0 };
    const reached = Promise.withResolvers<void>();
    const often = async (): Promise<void> => {
      counts.often += 1;
      if (counts.often === 3) reached.resolve();
    };
    const timers = createTimers(
      [
        { name: "often", everyMs: 1, run: often },
        { name: "never", everyMs: 3_600_000, run: async () => void (counts.never += 1) },
      ],
      recordingLog([]),
    );
    timers.start();
    await reached.promise;
    await timers.stop();
    assert.equal(counts.never, 0);
    const after = counts.often;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(counts.often, after);
  });

  it("waits longer than setInterval can count, instead of firing at once", async () => {
    let runs = 0;
    const far = { name: "far", everyMs: 2 ** 40, run: async () => void (runs += 1) };
    const turns = Promise.withResolvers<void>();
    let count = 0;
    const tick = async (): Promise<void> => {
      count += 1;
      if (count === 5) turns.resolve();
    };
    const timers = createTimers([far, { name: "tick", everyMs: 1, run: tick }], recordingLog([]));
    timers.start();
    await turns.promise;
    await timers.stop();
    assert.equal(runs, 0);
  });

  it("logs a task that fails and tries it again at its next turn", async () => {
    const lines: Record<string, unknown>[] = [];
    const recovered = Promise.withResolvers<void>();
    let runs = 0;
    const run = async (): Promise<void> => {
      runs += 1;
      if (runs < 3) throw new Error("not yet");
      recovered.resolve();
    };
    const timers = createTimers([{ name: "shaky", everyMs: 1, run }], recordingLog(lines));
    timers.start();
    await recovered.promise;
    await timers.stop();
    const failures = lines.filter(({ task }) => task === "shaky");
    assert.equal(failures.length, 2);
    assert.equal(failures[0]?.["level"], "error");
  });

  it("starts none that is under way, and at a stop waits for its end", async () => {
    const begun = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    let runs = 0;
    let ticks = 0;
    const ticked = Promise.withResolvers<void>();
    const timers = createTimers(
      [
        {
          name: "slow",
          everyMs: 1,
          run: () => {
            runs += 1;
            begun.resolve();
            return held.promise;
          },
        },
        {
          name: "tick",
          everyMs: 1,
          run: async () => {
            ticks += 1;
            if (ticks === 10) ticked.resolve();
          },
        },
      ],
      recordingLog([]),
    );
    timers.start();
    await begun.promise;
    await ticked.promise;
    let isStopped = false;
    const stop = async (): Promise<void> => {
      await timers.stop();
      isStopped = true;
    };
    const stopped = stop();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isStopped, false);
    held.resolve();
    await stopped;
    assert.equal(runs, 1);
  });
});
