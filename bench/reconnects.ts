import type { Benchmark } from "./benchmark.ts";
import { startCentral } from "./central.ts";
import { joinAll, startSwarmWorker, watchProcessors } from "./swarm.ts";

const RUNS = 7;
const AGENTS = 200;
const AT_ONCE = 64;

/** Reconnects per second: links cut, mutual TLS with full handshakes (nothing is resumed, by design), WebSocket, full status, answer. */
export const reconnects: Benchmark = async (context) => {
  await using central = await startCentral(context);
  await using swarm = startSwarmWorker(context);
  await joinAll(swarm, central, { agents: AGENTS, intervalMs: null });
  const perSecond: number[] = [];
  const centralMs: number[] = [];
  const swarmMs: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const readProcessors = watchProcessors(central, swarm);
    const seconds = await swarm.ask<number>("redial", { atOnce: AT_ONCE });
    if (run === 0) continue;
    const used = readProcessors();
    perSecond.push(AGENTS / seconds);
    centralMs.push(used.centralMs / AGENTS);
    swarmMs.push(used.swarmMs / AGENTS);
  }
  await swarm.stop();
  await central.stop();
  return [
    { what: "reconnects", unit: "1/s", values: perSecond, note: "full handshakes, none resumed" },
    { what: "central's processor time per reconnect", unit: "ms", values: centralMs },
    { what: "the agent's processor time per reconnect", unit: "ms", values: swarmMs },
  ];
};
