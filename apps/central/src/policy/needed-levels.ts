import { acceptsLevel, LEVELS, type Level, type LinkPolicy } from "@tautline/protocol";
import type { PolicyException } from "./policy-rows.ts";

/**
 * Works out which levels listeners have to hear, so that everybody who may come can. Pure.
 *
 * @param policies of every namespace and kind, those that nobody set included
 * @param exceptions of them
 * @returns in rising order; plaintext of this host alone is not in it, see `keepsLoopback`
 */
export function neededLevels(
  policies: readonly LinkPolicy[],
  exceptions: readonly Pick<PolicyException, "level">[],
): readonly Level[] {
  return LEVELS.filter(
    (level) =>
      policies.some(({ accept }) => acceptsLevel(accept, level)) ||
      exceptions.some((exception) => exception.level === level),
  );
}

/**
 * Tells whether anybody may go on in plaintext from this host, whatever else is asked for (QM-13).
 *
 * @param policies of every namespace and kind, those that nobody set included
 */
export function keepsLoopback(policies: readonly LinkPolicy[]): boolean {
  return policies.some(({ loopback }) => loopback === "keep");
}
