import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";

/** Largest first, so that formatting takes the largest unit that fits. */
const UNITS_MS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/**
 * Reads a duration as people write it in settings and commands: 90s, 15m, 24h, 30d.
 *
 * @param text a whole number without leading zeros and a unit, at most a hundred years
 * @returns milliseconds
 * @throws value.duration
 */
export function parseDuration(text: string): number {
  const [, digits = "", letter] = /^(0|[1-9][0-9]{0,12})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS.find(([unit]) => unit === letter)?.[1];
  if (unitMs === undefined) throw notADuration(text);
  const durationMs = Number(digits) * unitMs;
  if (durationMs > LIMITS.durationMs.value) throw notADuration(text);
  return durationMs;
}

/**
 * Writes a duration in the largest unit that gives a whole number; parts of a second are cut off.
 *
 * @param durationMs milliseconds, not negative, at most a hundred years
 * @throws value.duration
 */
export function formatDuration(durationMs: number): string {
  if (!(durationMs >= 0 && durationMs <= LIMITS.durationMs.value)) {
    throw notADuration(`${durationMs} ms`);
  }
  const wholeMs = durationMs - (durationMs % 1000);
  const [unit, unitMs] = UNITS_MS.find(([, ms]) => wholeMs > 0 && wholeMs % ms === 0) ?? [
    "s",
    1000,
  ];
  return `${wholeMs / unitMs}${unit}`;
}

function notADuration(text: string): TautlineError {
  return new TautlineError("value.duration", { detail: { text } });
}
