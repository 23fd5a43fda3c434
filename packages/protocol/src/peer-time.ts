import { LIMITS } from "./limits.ts";
import { isTimestamp } from "./timestamp.ts";

/**
 * The HTTP header in which each end of a link tells the other its time: RFC 3339 in UTC with milliseconds. HTTP's own `Date` has
 * whole seconds, and programs between may write it.
 */
export const TIME_HEADER = "tautline-time";

const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

/**
 * Reads the time another end says it has; a claim, as good as the proof of who that end is.
 *
 * @param header value of the header; a list if it came twice
 * @returns milliseconds since 1970-01-01T00:00:00Z, or undefined for anything but one well-formed time
 */
export function readPeerTime(header: string | readonly string[] | undefined): number | undefined {
  if (typeof header !== "string" || !TIME.test(header)) return undefined;
  const timeMs = Date.parse(header);
  return isTimestamp(timeMs) ? timeMs : undefined;
}

/** One question to another end for its time, in milliseconds. */
export interface TimeExchange {
  /** This end's clock when the answer came, since 1970-01-01T00:00:00Z. */
  readonly receivedMs: number;
  /** From question to answer, by a clock that cannot be set. */
  readonly roundTripMs: number;
  /** The other end's clock when it answered, since 1970-01-01T00:00:00Z. */
  readonly peerMs: number;
}

/**
 * How far the other end's clock is from this one's, taking the answer's way for half of the round trip.
 *
 * @param exchange two times and how long it took
 * @returns the other clock minus this one, in milliseconds; right to within half of the round trip
 */
export function clockOffset({ receivedMs, roundTripMs, peerMs }: TimeExchange): number {
  return Math.round(peerMs - (receivedMs - roundTripMs / 2));
}

/**
 * Tells whether two clocks are further apart than is tolerated (`clockToleranceMs`), so that it must be named on both ends (F8).
 *
 * @param offsetMs one clock minus the other
 */
export function isClockOff(offsetMs: number): boolean {
  return Math.abs(offsetMs) > LIMITS.clockToleranceMs.value;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/**
 * Writes a distance in time for people by its two largest units, such as "2 h 3 min" or "12 s".
 *
 * @param distanceMs milliseconds; the sign does not matter
 */
export function distanceText(distanceMs: number): string {
  const wholeMs = Math.round(Math.abs(distanceMs) / 1000) * 1000;
  const first = UNITS.findIndex(([, unitMs]) => wholeMs >= unitMs);
  if (first === -1) return "less than 1 s";
  const [[largest, largestMs] = ["s", 1000], next] = UNITS.slice(first);
  const text = `${Math.floor(wholeMs / largestMs)} ${largest}`;
  const rest = next === undefined ? 0 : Math.floor((wholeMs % largestMs) / next[1]);
  return rest === 0 || next === undefined ? text : `${text} ${rest} ${next[0]}`;
}
