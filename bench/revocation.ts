import { setTimeout as wait } from "node:timers/promises";
import { callAdmin } from "./admin-call.ts";
import type { Benchmark } from "./benchmark.ts";
import { startCentral, type BenchCentral } from "./central.ts";
import { joinAll, startSwarmWorker, type SwarmReading } from "./swarm.ts";

const AGENTS = 50;
const REPORT_MS = 250;
/** The promise is 5 s; whoever still gets through after that is counted. */
const PROMISED_MS = 5_000;
const WATCHED_MS = 10_000;
const LOOK_EVERY_MS = 2;

interface Items<Item> {
  readonly items: readonly Item[];
}

/** How soon the live links of revoked agents end, one by one and all at once, and whether any message is taken afterwards. */
export const revocation: Benchmark = async (context) => {
  await using central = await startCentral(context);
  const oneByOne: number[] = [];
  await using first = startSwarmWorker(context);
  await joinAll(first, central, { agents: AGENTS, intervalMs: REPORT_MS });
  for (const id of await agentsOf(central)) {
    const began = performance.now();
    await revoke(central, id);
    await untilGone(central, id);
    oneByOne.push(performance.now() - began);
  }
  const known = new Set(await agentsOf(central));
  await using second = startSwarmWorker(context);
  await joinAll(second, central, { agents: AGENTS, intervalMs: REPORT_MS });
  const ids = (await agentsOf(central)).filter((id) => !known.has(id));
  const began = performance.now();
  const atOnce = await Promise.all(
    ids.map(async (id) => {
      await revoke(central, id);
      await untilGone(central, id);
      return performance.now() - began;
    }),
  );
  await wait(PROMISED_MS);
  const taken = (): Promise<number[]> =>
    Promise.all(
      [first, second].map(async (swarm) => (await swarm.ask<SwarmReading>("read")).acknowledged),
    );
  const before = await taken();
  await wait(WATCHED_MS);
  const after = await taken();
  const successes = after.map((count, index) => count - (before[index] ?? 0));
  await first.stop();
  await second.stop();
  await central.stop();
  return [
    {
      what: "link end after 'revoke', one by one",
      unit: "ms",
      values: oneByOne,
      note: `${AGENTS} live WebSockets; p99 ${percentile99(oneByOne).toFixed(1)} ms; the call itself included`,
    },
    {
      what: "link end after 'revoke', all at once",
      unit: "ms",
      values: atOnce,
      note: `${AGENTS} live WebSockets; p99 ${percentile99(atOnce).toFixed(1)} ms; the call itself included`,
    },
    {
      what: "messages taken from the revoked afterwards",
      unit: "",
      values: successes,
      note: `from ${PROMISED_MS / 1_000} s on for ${WATCHED_MS / 1_000} s, while they go on dialling`,
    },
  ];
};

async function agentsOf(central: BenchCentral): Promise<string[]> {
  const { items } = await callAdmin<Items<{ id: string }>>(central, "GET", "/api/v1/agents");
  return items.map(({ id }) => id);
}

function revoke(central: BenchCentral, id: string): Promise<void> {
  return callAdmin(central, "POST", `/api/v1/agents/${id}/revoke`);
}

async function untilGone(central: BenchCentral, id: string): Promise<void> {
  const path = `/api/v1/links?agent=${id}`;
  while ((await callAdmin<Items<unknown>>(central, "GET", path)).items.length > 0) {
    await wait(LOOK_EVERY_MS);
  }
}

/** The nearest rank. */
function percentile99(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}
