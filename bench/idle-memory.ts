import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { BenchContext, Benchmark, Row } from "./benchmark.ts";
import { startCentral, type BenchCentral } from "./central.ts";
import { residentBytes } from "./machine.ts";
import { startNats } from "./nats-server.ts";
import { joinAll, startSwarmWorker } from "./swarm.ts";
import { startWorker } from "./worker.ts";

const FLEETS = [1_000, 5_000] as const;
/** Heartbeats, flushes and collections come to rest. */
const SETTLE_MS = 4_000;
const KB = 1024;

/** Memory of an idle agent at central: what its process grows by, divided by the agents; beside nats-server holding as many connections. */
export const idleMemory: Benchmark = async (context) => [
  ...(await measureCentral(context)),
  ...(await measureNats(context)),
];

interface Memory {
  readonly asItIs: number;
  readonly collected: number;
}

async function measureCentral(context: BenchContext): Promise<Row[]> {
  await using central = await startCentral(context);
  // What the first join alone loads and compiles belongs to central, not to an agent.
  await using first = startSwarmWorker(context);
  await joinAll(first, central, { agents: 20, intervalMs: null });
  const base = await memoryOf(central);
  await using second = startSwarmWorker(context);
  await using third = startSwarmWorker(context);
  const rows: Row[] = [];
  let joined = 0;
  for (const [index, agents] of FLEETS.entries()) {
    context.say(`${agents} agents join central`);
    const swarm = index === 0 ? second : third;
    await joinAll(swarm, central, { agents: agents - joined, intervalMs: null });
    joined = agents;
    const memory = await memoryOf(central);
    rows.push(
      {
        what: `central, an idle agent of ${agents}`,
        unit: "KB",
        values: [(memory.collected - base.collected) / agents / KB],
        note: "resident memory, after a collection",
      },
      {
        what: `central, the same without asking for a collection`,
        unit: "KB",
        values: [(memory.asItIs - base.asItIs) / agents / KB],
        note: "what joining left behind included",
      },
    );
  }
  return rows;
}

async function memoryOf({ worker }: BenchCentral): Promise<Memory> {
  await wait(SETTLE_MS);
  const asItIs = residentBytes(worker.pid);
  await worker.ask("gc");
  await wait(1_000);
  await worker.ask("gc");
  return { asItIs, collected: residentBytes(worker.pid) };
}

async function measureNats({ folder, say }: BenchContext): Promise<Row[]> {
  await using server = await startNats(folder);
  if (server === undefined) {
    const note = "not installed (Debian package nats-server)";
    return FLEETS.map((count) => ({ what: natsRow(count), unit: "KB", values: [], note }));
  }
  await using clients = startWorker(join(import.meta.dirname, "nats-connections.ts"));
  await clients.ask("open", { ...server.client, connections: 20 });
  await wait(SETTLE_MS);
  const base = residentBytes(server.pid);
  const rows: Row[] = [];
  let open = 0;
  for (const count of FLEETS) {
    say(`${count} connections to nats-server`);
    await clients.ask("open", { ...server.client, connections: count - open });
    open = count;
    await wait(SETTLE_MS);
    const grown = residentBytes(server.pid) - base;
    const note = "resident memory; client certificates demanded";
    rows.push({ what: natsRow(count), unit: "KB", values: [grown / count / KB], note });
  }
  return rows;
}

function natsRow(count: number): string {
  return `nats-server, an idle TLS connection of ${count}`;
}
