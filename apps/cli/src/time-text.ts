const SECOND_MS = 1000;
const UNITS: readonly (readonly [letter: string, ms: number])[] = [
  ["d", 86_400 * SECOND_MS],
  ["h", 3600 * SECOND_MS],
  ["m", 60 * SECOND_MS],
  ["s", SECOND_MS],
];

/**
 * Writes a time as RFC 3339 UTC to the second.
 *
 * @param time RFC 3339 text, milliseconds since the epoch, or nothing
 * @returns an empty text for nothing; a text that is no time comes back as it is
 */
export function timeText(time: unknown): string {
  const ms = toMs(time);
  if (ms === undefined) return typeof time === "string" ? time : "";
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/**
 * Writes a time and how far it is from now: "2026-11-22T10:03:15Z (12s ago)" or "(in 23h)".
 *
 * @param time RFC 3339 text, milliseconds since the epoch, or nothing
 * @param nowMs milliseconds since the epoch
 */
export function timeAndDistance(time: unknown, nowMs: number): string {
  const ms = toMs(time);
  if (ms === undefined) return timeText(time);
  return `${timeText(ms)} (${distanceText(ms, nowMs)})`;
}

/**
 * Writes a span in its largest fitting unit, rounded down: 90,000 ms is "1m".
 *
 * @param ms the span in milliseconds
 */
export function spanText(ms: number): string {
  const [letter, unitMs] = UNITS.find(([, size]) => ms >= size) ?? ["s", SECOND_MS];
  return `${Math.floor(ms / unitMs)}${letter}`;
}

/**
 * Reads a time of central's API.
 *
 * @param time RFC 3339 text or milliseconds since the epoch
 * @returns milliseconds since the epoch, or undefined for anything else
 */
export function toMs(time: unknown): number | undefined {
  const ms = typeof time === "string" ? Date.parse(time) : time;
  return typeof ms === "number" && Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : undefined;
}

/**
 * Writes how far a time is from now, for tables: "12s ago", "in 23h".
 *
 * @param time RFC 3339 text, milliseconds since the epoch, or nothing
 * @param nowMs milliseconds since the epoch
 * @returns an empty text for nothing
 */
export function distanceText(time: unknown, nowMs: number): string {
  const ms = toMs(time);
  if (ms === undefined) return "";
  return ms > nowMs ? `in ${spanText(ms - nowMs)}` : `${spanText(nowMs - ms)} ago`;
}
