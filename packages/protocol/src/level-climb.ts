import { TautlineError } from "./error.ts";
import type { LinkEvidence } from "./evidence.ts";
import { compareLevels, type Level } from "./level.ts";

/**
 * Tells whether one level is below another.
 *
 * @param level the one
 * @param than the other
 */
export function isLower(level: Level, than: Level): boolean {
  return compareLevels(level, than) < 0;
}

/**
 * Refuses an order that is no climb: nothing that arrives over the network lowers a level (A24).
 *
 * @param level that is ordered
 * @param inUse that every link is dialled at
 * @throws agent.level_lowered
 */
export function requireClimb(level: Level, inUse: Level): void {
  if (isLower(level, inUse)) {
    throw new TautlineError("agent.level_lowered", { detail: { level, proven: inUse } });
  }
}

/**
 * The level that a first answer has proven: by central's certificate, or by the key that both ends hold. Plaintext proves nothing.
 *
 * @param evidence of the link that was answered over
 */
export function provenLevel({ level, serverProven, keyId }: LinkEvidence): Level | undefined {
  const isProven = level === "tls" || level === "mtls" ? serverProven : keyId !== null;
  return isProven && level !== "plaintext" ? level : undefined;
}

/**
 * Takes the higher of what was proven so far and what is proven now.
 *
 * @returns undefined where there is nothing new to remember
 */
export function higherLevel(before: Level | undefined, now: Level | undefined): Level | undefined {
  if (now === undefined) return undefined;
  return before === undefined || compareLevels(now, before) > 0 ? now : undefined;
}
