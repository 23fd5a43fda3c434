import { join } from "node:path";
import type { Benchmark, Row } from "./benchmark.ts";
import { startWorker } from "./worker.ts";

const MEASUREMENT = join(import.meta.dirname, "../apps/central/test/history-measurement.ts");

/** The history of 100,000 agents over 90 days: its size, the planner's scan, a daily fold, and what writing costs. */
export const history: Benchmark = async ({ folder, say }) => {
  await using worker = startWorker(MEASUREMENT);
  say("the history of 100,000 agents is made up; this takes minutes ...");
  return await worker.ask<Row[]>("measure", { folder });
};
