import { createBackoff } from "@tautline/link";
import { type TautlineError, toTautlineError } from "@tautline/protocol";
import { type Clock, wait } from "../clock.ts";

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/**
 * Starts something that may not be able to yet, and tries again until it is or the signal aborts. What is in the way is told once, and
 * again when it is something else.
 *
 * @param start throws where it cannot
 * @param around time, and whom to tell
 */
export async function startAtLast(
  start: () => void,
  around: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly onProblem: (error: TautlineError) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { clock, random, onProblem, signal } = around;
  const backoff = createBackoff({ firstMs: FIRST_MS, capMs: LONGEST_MS, random });
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      start();
      return;
    } catch (cause) {
      const error = toTautlineError(cause);
      if (told !== error.message) onProblem(error);
      told = error.message;
    }
    await wait(clock, backoff.next(), signal);
  }
}
