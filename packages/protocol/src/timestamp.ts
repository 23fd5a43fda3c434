import { TautlineError } from "./error.ts";

/** 9999-12-31T23:59:59.999Z: after it, RFC 3339 has no text. */
const LATEST_MS = 253_402_300_799_999;

/**
 * Tells whether a number can be a point in time with a text of RFC 3339.
 *
 * @param timeMs milliseconds since 1970-01-01T00:00:00Z
 */
export function isTimestamp(timeMs: number): boolean {
  return Number.isInteger(timeMs) && timeMs >= 0 && timeMs <= LATEST_MS;
}

/**
 * Writes a point in time as RFC 3339 in UTC with milliseconds, such as 2026-11-22T10:03:17.000Z.
 *
 * @param timeMs milliseconds since 1970-01-01T00:00:00Z, up to the year 9999
 * @throws value.timestamp
 */
export function formatTimestamp(timeMs: number): string {
  if (!isTimestamp(timeMs)) throw new TautlineError("value.timestamp", { detail: { timeMs } });
  return new Date(timeMs).toISOString();
}
