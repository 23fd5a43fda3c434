import type { Benchmark, Row } from "./benchmark.ts";
import { startCentral } from "./central.ts";
import { joinAll, startSwarmWorker, watchProcessors } from "./swarm.ts";

const RUNS = 5;
const AGENTS = 200;

/** Full joins per second: own keys, pinned TLS, two certificates, mutual TLS, WebSocket, first answer; central and agents on one machine. */
export const joins: Benchmark = async (context) => {
  await using central = await startCentral(context);
  const perSecond: number[] = [];
  const centralMs: number[] = [];
  const swarmMs: number[] = [];
  // One process for all runs: its start and its cold code are no part of a join. What joined before stays, idle.
  await using swarm = startSwarmWorker(context);
  // The first run warms both up.
  for (let run = 0; run <= RUNS; run += 1) {
    const readProcessors = watchProcessors(central, swarm);
    const seconds = await joinAll(swarm, central, { agents: AGENTS, intervalMs: null });
    if (run === 0) continue;
    const used = readProcessors();
    perSecond.push(AGENTS / seconds);
    centralMs.push(used.centralMs / AGENTS);
    swarmMs.push(used.swarmMs / AGENTS);
  }
  await swarm.stop();
  await central.stop();
  const rows: Row[] = [
    { what: "full joins", unit: "1/s", values: perSecond, note: `${AGENTS} agents, 64 at once` },
    { what: "central's processor time per join", unit: "ms", values: centralMs },
    {
      what: "the agent's processor time per join",
      unit: "ms",
      values: swarmMs,
      note: "a swarm that has joined before; its start is not counted",
    },
  ];
  return rows;
};
