import { join } from "node:path";
import type { Benchmark, Row } from "./benchmark.ts";
import type { BadTokenOutcome } from "./bad-token-caller.ts";
import { startCentral } from "./central.ts";
import { startWorker } from "./worker.ts";

const RUNS = 5;
const RUN_MS = 4_000;
const PER_SECOND = 2_000;

interface Delay {
  readonly p99Ms: number;
}

/** How late central's event loop runs while 2,000 bad tokens a second arrive, over kept connections and on a new one each. */
export const eventLoop: Benchmark = async (context) => {
  // All calls come from one address, and its limit would spare central the work that is measured.
  const settings = "admission:\n  failedAttempts: 1000000\n";
  await using central = await startCentral({ ...context, settings });
  await using caller = startWorker(join(import.meta.dirname, "bad-token-caller.ts"));
  const call = async (
    isNewConnection: boolean,
    durationMs = RUN_MS,
  ): Promise<{ delay: Delay; outcome: BadTokenOutcome }> => {
    await central.worker.ask("watch");
    const order = {
      port: central.agentsPort,
      perSecond: PER_SECOND,
      durationMs,
      isNewConnection,
    };
    const outcome = await caller.ask<BadTokenOutcome>("call", order);
    return { outcome, delay: await central.worker.ask<Delay>("delay") };
  };
  const rows: Row[] = [];
  for (const isNewConnection of [false, true]) {
    await call(isNewConnection, 1_000);
    const delays: number[] = [];
    const rates: number[] = [];
    let failed = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const { delay, outcome } = await call(isNewConnection);
      delays.push(delay.p99Ms);
      rates.push(outcome.refusedPerSecond);
      failed += outcome.failed;
    }
    const how = isNewConnection ? "a new connection each" : "64 kept connections";
    rows.push(
      { what: `event loop p99 delay, ${how}`, unit: "ms", values: delays },
      {
        what: `bad tokens refused, ${how}`,
        unit: "1/s",
        values: rates,
        note: `${PER_SECOND}/s offered; ${failed} calls failed otherwise`,
      },
    );
  }
  await central.stop();
  return rows;
};
