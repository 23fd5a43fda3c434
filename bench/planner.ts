import { join } from "node:path";
import type { Benchmark, Row } from "./benchmark.ts";
import { startWorker } from "./worker.ts";

const MEASUREMENT = join(import.meta.dirname, "../apps/central/test/planner-measurement.ts");

/** The plan of 100,000 agents that are on their way to mtls: read from the database and judged, and the rule alone. */
export const planner: Benchmark = async ({ folder, say }) => {
  await using worker = startWorker(MEASUREMENT);
  say("a fleet of 100,000 agents is made up; this takes a minute or two ...");
  return await worker.ask<Row[]>("measure", { folder });
};
