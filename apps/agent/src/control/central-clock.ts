import type { IncomingHttpHeaders } from "node:http";
import {
  clockOffset,
  distanceText,
  formatTimestamp,
  isClockOff,
  LIMITS,
  readPeerTime,
  TautlineError,
  TIME_HEADER,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";

/** One request to central, which tells this host's time and learns central's from the answer. */
export interface TimeQuestion {
  /** To send with the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Takes the answer's headers; to be called only for a central that was proven on this very connection. */
  answered(headers: IncomingHttpHeaders): void;
}

/** What this agent knows of central's clock (F8). */
export interface CentralClock {
  /** Central's clock minus this host's, in milliseconds, as of now; undefined until central has told. */
  readonly offsetMs: number | undefined;
  /**
   * Central's time as far as it is known, else this host's at the start; it goes on by a clock that nobody sets. For planning alone:
   * whether a certificate or an instruction is good is judged by this host's clock, whatever central says of the time.
   */
  readonly now: () => number;
  /** Begins a request. */
  ask(): TimeQuestion;
}

/**
 * Makes the knowledge of central's clock, empty at first.
 *
 * @param clock this host's
 * @param onOff told agent.clock_off when the clocks are found too far apart, and again when that has changed
 */
export function createCentralClock(
  clock: Clock,
  onOff: (error: TautlineError) => void,
): CentralClock {
  let anchor = { timeMs: clock.now(), atMs: clock.elapsed(), isKnown: false };
  let toldMs: number | undefined;
  const now = (): number => Math.round(anchor.timeMs + clock.elapsed() - anchor.atMs);
  const tell = (offsetMs: number): void => {
    if (!isClockOff(offsetMs)) {
      toldMs = undefined;
      return;
    }
    const isNews =
      toldMs === undefined || Math.abs(offsetMs - toldMs) > LIMITS.clockToleranceMs.value;
    if (!isNews) return;
    toldMs = offsetMs;
    onOff(clockOff(clock.now(), offsetMs));
  };
  return {
    get offsetMs() {
      return anchor.isKnown ? now() - clock.now() : undefined;
    },
    now,
    ask() {
      const askedMs = clock.elapsed();
      return {
        headers: { [TIME_HEADER]: formatTimestamp(clock.now()) },
        answered(headers) {
          const peerMs = readPeerTime(headers[TIME_HEADER]);
          if (peerMs === undefined) return;
          const atMs = clock.elapsed();
          const receivedMs = clock.now();
          const offsetMs = clockOffset({ receivedMs, roundTripMs: atMs - askedMs, peerMs });
          anchor = { timeMs: receivedMs + offsetMs, atMs, isKnown: true };
          tell(offsetMs);
        },
      };
    },
  };
}

/** RFC 3339 has no text for a time beyond its years; a clock may still say so. */
function clockOff(hereMs: number, offsetMs: number): TautlineError {
  const detail = {
    distance: distanceText(offsetMs),
    direction: offsetMs > 0 ? "behind" : "ahead of",
    here: new Date(hereMs).toISOString(),
    there: new Date(hereMs + offsetMs).toISOString(),
  };
  return new TautlineError("agent.clock_off", { detail });
}
