import type { Ledger } from "./ledger.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import type { SwarmPlan } from "./swarm-options.ts";
import type { SavedAgent } from "./swarm-state.ts";
import { pause, type Pace, type SwarmWorld } from "./swarm-world.ts";
import { createTally, type Tally } from "./tally.ts";
import { createTurns } from "./turns.ts";

/** Joins under way at once where no rate is given: enough to keep central busy, too few to run into time limits. */
const JOINS_AT_ONCE = 64;

/** The same of climbs, which a whole fleet may be told of in one moment. */
const CLIMBS_AT_ONCE = 32;

/** What a swarm needs beside its plan. */
export interface SwarmDeps {
  readonly ledger: Ledger;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Aborts to say goodbye and end. */
  readonly signal: AbortSignal;
  /** Agents of an earlier run, which come first. */
  readonly saved?: readonly SavedAgent[];
}

/** A swarm at work. */
export interface Swarm {
  readonly tally: Tally;
  /** Resolves when every agent has joined or was refused for good, or the swarm is stopped; resumed ones are given one try. */
  readonly joined: Promise<void>;
  /**
   * Resolves when the last agent has ended.
   *
   * @throws swarm.ledger_failed
   */
  readonly ended: Promise<void>;
  /** Changes how often each agent reports; undefined: heartbeats alone. */
  setInterval(intervalMs: number | undefined): void;
  /** Breaks every link and resolves when all are back; so many at a time. */
  redial(atOnce: number): Promise<void>;
  /** What a later run needs to be the same agents; whole once the swarm has ended. */
  save(): SavedAgent[];
}

/**
 * Lets a swarm loose.
 *
 * @param plan how many, where to, how fast; its duration is the caller's to keep
 * @param deps ledger, time, randomness, and the signal that ends it
 */
export function startSwarm(plan: SwarmPlan, deps: SwarmDeps): Swarm {
  const stop = new AbortController();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => stop.abort());
  deps.signal.addEventListener("abort", () => stop.abort(), { once: true });
  if (deps.signal.aborted) stop.abort();
  const tally = createTally(deps.now);
  const pace: Pace = { intervalMs: plan.intervalMs };
  const { target, plaintextTarget, levels, key, token } = plan;
  const { ledger, now, random, randomBytes, saved = [] } = deps;
  const { longestWaitMs } = plan;
  const onBroken = broken.reject;
  const world: SwarmWorld = {
    target,
    plaintextTarget,
    levels,
    key,
    token,
    ledger,
    tally,
    climbing: createTurns(CLIMBS_AT_ONCE),
    longestWaitMs,
    pace,
    now,
    random,
    randomBytes,
    onBroken,
  };
  const agents = Array.from(
    { length: plan.agents },
    (_, n) => new SimulatedAgent(world, n + 1, saved[n]),
  );
  stop.signal.addEventListener("abort", () => agents.forEach((agent) => agent.stop()));
  const ended = letLoose(agents, plan.joinRate, stop.signal);
  return {
    tally,
    joined: settledOrOver(agents, ended),
    ended: Promise.race([ended, broken.promise]),
    setInterval: (intervalMs) => {
      pace.intervalMs = intervalMs;
      for (const agent of agents) agent.replan();
    },
    redial: (atOnce) => inTurns(agents, atOnce, (agent) => agent.redial()),
    save: () => agents.flatMap((agent) => agent.save() ?? []),
  };
}

async function settledOrOver(
  agents: readonly SimulatedAgent[],
  ended: Promise<void>,
): Promise<void> {
  await Promise.race([Promise.all(agents.map(({ settled }) => settled)), ended]);
}

async function letLoose(
  agents: readonly SimulatedAgent[],
  joinRate: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const running: Promise<void>[] = [];
  if (joinRate === undefined) {
    await inTurns(agents, JOINS_AT_ONCE, (agent) => {
      if (signal.aborted) return Promise.resolve();
      running.push(agent.run());
      return agent.settled;
    });
  } else {
    for (const agent of agents) {
      if (signal.aborted) break;
      running.push(agent.run());
      await pause(1000 / joinRate, signal);
    }
  }
  await Promise.all(running);
}

async function inTurns<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const lane = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
