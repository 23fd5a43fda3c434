import { createBackoff } from "@tautline/link";
import { toTautlineError } from "@tautline/protocol";
import { joinCentral, mayJoinLater } from "./join-central.ts";
import { askedWaitMs } from "./server-word.ts";
import { createSelf, type SimulatedIdentity } from "./simulated-identity.ts";
import { pause, type SwarmWorld } from "./swarm-world.ts";

/**
 * How an agent of a swarm waits between two dials.
 *
 * @param world the swarm's
 */
export function waitsOf({ random, longestWaitMs }: SwarmWorld): {
  readonly random: () => number;
  readonly capMs?: number;
} {
  return { random, ...(longestWaitMs === undefined ? {} : { capMs: longestWaitMs }) };
}

/**
 * Joins, again and again while it may go better by itself.
 *
 * @param world the swarm's
 * @param index of the agent, from 1
 * @param signal gives up
 * @returns undefined where central refused it for good, or it was given up
 */
export async function joinInTime(
  world: SwarmWorld,
  index: number,
  signal: AbortSignal,
): Promise<SimulatedIdentity | undefined> {
  const { tally } = world;
  const backoff = createBackoff(waitsOf(world));
  if (signal.aborted) return undefined;
  const self = createSelf(index, world);
  while (!signal.aborted) {
    try {
      return await joinCentral(world, self, signal);
    } catch (error) {
      const ours = toTautlineError(error);
      if (signal.aborted) return undefined;
      tally.failed(ours.code);
      if (!mayJoinLater(ours)) {
        tally.lost();
        return undefined;
      }
      await pause(Math.max(backoff.next(), askedWaitMs(ours)), signal);
    }
  }
  return undefined;
}
