import {
  createUpstreams,
  type UpstreamPlace,
  type Upstreams,
  type UpstreamState,
} from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";
import type { Clock } from "../clock.ts";

/** Calls under way over links of an identity that is replaced may go on for so long. */
const GRACE_MS = 60_000;
/** A link without a call is kept: the next one need not wait for a handshake. */
const IDLE_MS = 24 * 3_600_000;
/** While calls wait for an answer, a link that is dead is found within this and the time for a ping's answer. */
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/** How the edge's calls leave this host. */
export interface OnwardWayOptions {
  readonly places: readonly UpstreamPlace[];
  /** Whether the other end is central, which takes pings as often as they are of use. */
  readonly isCentral: boolean;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told when a place goes out. */
  readonly onProblem: (error: TautlineError) => void;
  /** Told when a place is ready. */
  readonly onReady: () => void;
}

/** The way of the edge's calls to central, or to the receivers that were named. */
export interface OnwardWay {
  /** What new calls take. */
  readonly now: Upstreams;
  /** From here on new links are dialled; calls that are under way go on over the old ones for a while. */
  renew(): void;
  stop(graceMs: number): Promise<void>;
}

/**
 * Makes the way; nothing is dialled yet.
 *
 * @param options places, time
 */
export function createOnwardWay(options: OnwardWayOptions): OnwardWay {
  let now = makeUpstreams(options);
  const leaving = new Set<Promise<void>>();
  return {
    get now() {
      return now;
    },
    renew: () => {
      const left = now.stop(GRACE_MS).finally(() => leaving.delete(left));
      leaving.add(left);
      now = makeUpstreams(options);
    },
    stop: async (graceMs) => {
      await now.stop(graceMs);
      await Promise.all(leaving);
    },
  };
}

function makeUpstreams(options: OnwardWayOptions): Upstreams {
  const { places, isCentral, connectTimeoutMs, clock, random, onProblem, onReady } = options;
  const keepalive = isCentral
    ? { keepaliveMs: KEEPALIVE_MS, keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS }
    : {};
  return createUpstreams({
    places,
    protocol: "h2",
    connectTimeoutMs,
    idleMs: IDLE_MS,
    ...keepalive,
    onState: ({ state, error }: UpstreamState) => {
      if (state === "ready") onReady();
      if (state === "out" && error !== undefined) onProblem(error);
    },
    now: clock.elapsed,
    random,
  });
}
