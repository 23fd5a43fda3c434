import { setTimeout as wait } from "node:timers/promises";
import type { Benchmark } from "./benchmark.ts";
import { startCentral } from "./central.ts";
import { joinAll, startSwarmWorker, watchProcessors, type SwarmReading } from "./swarm.ts";

const RUNS = 7;
const AGENTS = 500;
const RUN_MS = 3_000;

/** Status messages that change an attribute, each on central's disk before it is answered; every agent sends its next one at once. */
export const statusMessages: Benchmark = async (context) => {
  await using central = await startCentral(context);
  await using swarm = startSwarmWorker(context);
  await joinAll(swarm, central, { agents: AGENTS, intervalMs: null });
  await swarm.ask("interval", { intervalMs: 0 });
  await wait(RUN_MS);
  const perSecond: number[] = [];
  const centralMs: number[] = [];
  const swarmMs: number[] = [];
  let reading = await swarm.ask<SwarmReading>("read");
  for (let run = 0; run < RUNS; run += 1) {
    const readProcessors = watchProcessors(central, swarm);
    const began = performance.now();
    await wait(RUN_MS);
    const next = await swarm.ask<SwarmReading>("read");
    const seconds = (performance.now() - began) / 1000;
    const used = readProcessors();
    const count = next.acknowledged - reading.acknowledged;
    reading = next;
    perSecond.push(count / seconds);
    centralMs.push(used.centralMs / count);
    swarmMs.push(used.swarmMs / count);
  }
  await swarm.stop();
  await central.stop();
  const { p50Ms, p99Ms } = reading.answerTimes;
  return [
    {
      what: "acknowledged status messages",
      unit: "1/s",
      values: perSecond,
      note: `${AGENTS} agents; answers p50 ${p50Ms} ms, p99 ${p99Ms} ms`,
    },
    { what: "central's processor time per message", unit: "ms", values: centralMs },
    { what: "the agent's processor time per message", unit: "ms", values: swarmMs },
  ];
};
