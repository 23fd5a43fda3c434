import { join } from "node:path";
import { processorMs } from "./machine.ts";
import type { BenchContext } from "./benchmark.ts";
import { profileFlags, type BenchCentral } from "./central.ts";
import { startWorker, type Worker } from "./worker.ts";
import type { SwarmOrder } from "./swarm-worker.ts";

/** What a swarm counted, as far as benchmarks look. */
export interface SwarmReading {
  readonly joined: number;
  readonly connected: number;
  readonly reconnects: number;
  readonly acknowledged: number;
  readonly answerTimes: { readonly p50Ms: number | null; readonly p99Ms: number | null };
  readonly errors: Readonly<Record<string, number>>;
}

/**
 * Starts the process of a swarm; it joins when it is asked to.
 *
 * @param context whose profile folder
 */
export function startSwarmWorker({ profileDir }: Pick<BenchContext, "profileDir">): Worker {
  return startWorker(join(import.meta.dirname, "swarm-worker.ts"), [], profileFlags(profileDir));
}

/**
 * Lets a swarm join a central and checks that all have.
 *
 * @param worker of `startSwarmWorker`
 * @param central where to
 * @param order how many and how often they report
 * @returns seconds it took
 */
export async function joinAll(
  worker: Worker,
  central: BenchCentral,
  order: Pick<SwarmOrder, "agents" | "intervalMs">,
): Promise<number> {
  const token = await central.token(order.agents);
  const seconds = await worker.ask<number>("join", { ...order, token, port: central.agentsPort });
  const { joined, errors } = await worker.ask<SwarmReading>("read");
  if (joined === order.agents) return seconds;
  throw new Error(`${joined} of ${order.agents} joined: ${JSON.stringify(errors)}`);
}

/** Processor time of two processes from now on. */
export function watchProcessors(
  central: BenchCentral,
  swarm: Worker,
): () => { centralMs: number; swarmMs: number } {
  const pids = [central.worker.pid, swarm.pid] as const;
  const [centralBefore, swarmBefore] = [processorMs(pids[0]), processorMs(pids[1])];
  return () => ({
    centralMs: processorMs(pids[0]) - centralBefore,
    swarmMs: processorMs(pids[1]) - swarmBefore,
  });
}
