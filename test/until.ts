import { setInterval } from "node:timers/promises";

const LOOK_EVERY_MS = 25;

/**
 * Looks again and again until something holds; the test runner's own limit ends a wait that never does.
 *
 * @param look returns what was waited for, or undefined while it does not hold
 * @param signal ends the wait early with an error
 */
export async function until<Found>(
  look: () => Promise<Found | undefined>,
  signal?: AbortSignal,
): Promise<Found> {
  const first = await look();
  if (first !== undefined) return first;
  for await (const _ of setInterval(LOOK_EVERY_MS, undefined, { signal })) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error("unreachable");
}
