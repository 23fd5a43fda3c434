import type { Level } from "@tautline/protocol";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

const MICROSECONDS = 1_000;
/** Longer times count as this. */
const LONGEST_MS = 3_600_000;

/** What a swarm counts. */
export interface Tally {
  /** An agent finished its join: its first message over mutual TLS was answered. */
  joined(tookMs: number): void;
  /** An agent that had joined before has its link back. */
  reconnected(tookMs: number): void;
  /** An answered link is gone. */
  disconnected(): void;
  /** An agent will not join: central refused it for good. */
  lost(): void;
  sent(): void;
  /** Central answered a message. */
  answered(tookMs: number): void;
  /** A status message is answered and stands in the ledger. */
  acknowledged(): void;
  /** A renewed identity is proven; `gapMs` is the time between the end of the old certificate and the proof of the new one, or 0. */
  renewed(gapMs: number): void;
  /** A renewal was granted to a certificate that had expired. */
  lapsed(): void;
  /** A renewal did not go through and will be tried again. */
  renewalFailed(): void;
  /** An agent ends without a valid certificate since so many milliseconds. */
  gap(ms: number): void;
  /** An agent begins at a level. */
  begins(level: Level): void;
  /** It has gone up from one level to another. */
  climbed(from: Level, to: Level): void;
  failed(code: string): void;
  read(): TallyReading;
}

/** Times of one kind, milliseconds; null while there are none. */
export interface Times {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** What was counted so far. */
export interface TallyReading {
  readonly joined: number;
  readonly connected: number;
  readonly lost: number;
  readonly reconnects: number;
  readonly renewals: number;
  /** Those of them that began with an expired certificate. */
  readonly lapsed: number;
  readonly renewalFailures: number;
  /** Times in which an agent had no valid certificate that central has proven. */
  readonly gaps: number;
  readonly longestGapMs: number;
  /** Agents by the level in use. */
  readonly levels: Readonly<Record<Level, number>>;
  readonly climbs: number;
  readonly sent: number;
  readonly acknowledged: number;
  /** From the beginning to the last join, milliseconds. */
  readonly joiningMs: number;
  readonly joinTimes: Times;
  /** From the loss of a link to the first answer on the next one, its waits included. */
  readonly reconnectTimes: Times;
  readonly answerTimes: Times;
  readonly errors: Readonly<Record<string, number>>;
}

/**
 * Begins to count.
 *
 * @param now milliseconds since any moment
 */
export function createTally(now: () => number): Tally {
  const beganMs = now();
  const count = noneYet();
  const times = {
    join: createHistogram(),
    reconnect: createHistogram(),
    answer: createHistogram(),
  };
  const levels = countLevels();
  const errors = new Map<string, number>();
  const gap = (ms: number): void => {
    count.gaps += 1;
    count.longestGapMs = Math.max(count.longestGapMs, ms);
  };
  return {
    joined: (tookMs) => {
      count.joined += 1;
      count.connected += 1;
      count.joiningMs = now() - beganMs;
      record(times.join, tookMs);
    },
    reconnected: (tookMs) => {
      count.reconnects += 1;
      count.connected += 1;
      record(times.reconnect, tookMs);
    },
    disconnected: () => void (count.connected -= 1),
    lost: () => void (count.lost += 1),
    sent: () => void (count.sent += 1),
    answered: (tookMs) => record(times.answer, tookMs),
    acknowledged: () => void (count.acknowledged += 1),
    renewed: (gapMs) => {
      count.renewals += 1;
      if (gapMs > 0) gap(gapMs);
    },
    lapsed: () => void (count.lapsed += 1),
    renewalFailed: () => void (count.renewalFailures += 1),
    gap,
    begins: (level) => levels.add(level, 1),
    climbed: (from, to) => {
      count.climbs += 1;
      levels.add(from, -1);
      levels.add(to, 1);
    },
    failed: (code) => void errors.set(code, (errors.get(code) ?? 0) + 1),
    read: () => ({
      ...count,
      levels: levels.read(),
      joinTimes: readTimes(times.join),
      reconnectTimes: readTimes(times.reconnect),
      answerTimes: readTimes(times.answer),
      errors: Object.fromEntries([...errors].sort(([a], [b]) => a.localeCompare(b))),
    }),
  };
}

function noneYet() {
  return {
    joined: 0,
    connected: 0,
    lost: 0,
    reconnects: 0,
    renewals: 0,
    lapsed: 0,
    renewalFailures: 0,
    gaps: 0,
    longestGapMs: 0,
    climbs: 0,
    sent: 0,
    acknowledged: 0,
    joiningMs: 0,
  };
}

function countLevels(): {
  readonly add: (level: Level, agents: number) => void;
  readonly read: () => TallyReading["levels"];
} {
  const counts = { plaintext: 0, basic: 0, advanced: 0, tls: 0, mtls: 0 };
  return {
    add: (level, agents) => void (counts[level] += agents),
    read: () => ({ ...counts }),
  };
}

function record(histogram: RecordableHistogram, ms: number): void {
  const bounded = Math.min(LONGEST_MS, Math.max(0, ms));
  histogram.record(Math.max(1, Math.round(bounded * MICROSECONDS)));
}

function readTimes(histogram: RecordableHistogram): Times {
  if (histogram.count === 0) return { p50Ms: null, p99Ms: null, maxMs: null };
  return {
    p50Ms: toMs(histogram.percentile(50)),
    p99Ms: toMs(histogram.percentile(99)),
    maxMs: toMs(histogram.max),
  };
}

function toMs(microseconds: number): number {
  return Math.round(microseconds / 10) / 100;
}
