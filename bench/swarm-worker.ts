/** A swarm in a process of its own, driven over its channel. */
import { randomBytes } from "node:crypto";
import { noLedger, planSwarm, startSwarm, type Swarm } from "@tautline/swarm/main";
import { answerQuestions } from "./worker.ts";

/** How many, where to, and how often each reports. */
export interface SwarmOrder {
  readonly agents: number;
  readonly port: number;
  readonly token: string;
  /** Null: heartbeats alone. */
  readonly intervalMs: number | null;
}

const LONGEST_MS = 12 * 60_000;
const IDLE_MS = 3_600_000;
const end = new AbortController();
let swarm: Swarm | undefined;

function running(): Swarm {
  if (swarm === undefined) throw new Error("no swarm was started");
  return swarm;
}

answerQuestions({
  /** Answers when all have joined, with the seconds it took. */
  join: async ({ agents, port, token, intervalMs }: SwarmOrder) => {
    const to = `127.0.0.1:${port}`;
    const plan = planSwarm({
      agents,
      to,
      token,
      durationMs: LONGEST_MS,
      intervalMs: intervalMs ?? IDLE_MS,
    });
    const { signal } = end;
    const world = { ledger: noLedger, now: Date.now, random: Math.random, randomBytes, signal };
    const began = performance.now();
    swarm = startSwarm(plan, world);
    if (intervalMs === null) swarm.setInterval(undefined);
    await swarm.joined;
    return (performance.now() - began) / 1000;
  },
  /** Answers when every link was broken and is back, with the seconds it took. */
  redial: async ({ atOnce }: { atOnce: number }) => {
    const began = performance.now();
    await running().redial(atOnce);
    return (performance.now() - began) / 1000;
  },
  interval: ({ intervalMs }: { intervalMs: number | null }) =>
    running().setInterval(intervalMs ?? undefined),
  read: () => running().tally.read(),
});

process.on("SIGTERM", () => process.exit(0));
process.once("disconnect", () => process.exit(0));
