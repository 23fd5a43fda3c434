import type { HandshakeGate } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { CentralConfig } from "../config.ts";
import type { CentralMetrics, LABEL_VALUES } from "../metrics.ts";
import { createSourceGuard, type SourceGuard } from "../sources/source-guard.ts";
import { spreadReturnMs } from "./return-time.ts";
import { createWaitingRoom, type WaitingRoom } from "./waiting-room.ts";

/** Enrolments, a few at once: each keeps the processor busy for as long as hundreds of status messages. */
export interface EnrolmentQueue {
  /** @throws central.busy before anything is spent on a caller whose enrolment would be refused */
  requireRoom(remoteAddress: string): void;
  /**
   * Does the work when it is its turn.
   *
   * @throws central.busy with `retryAfterMs`
   */
  inTurn<T>(remoteAddress: string, work: () => Promise<T>): Promise<T>;
}

/** What keeps a crowd from trampling central. */
export interface Herd {
  readonly sources: SourceGuard;
  /** At the levels tls and mtls. */
  readonly handshakes: HandshakeGate;
  /** At the levels of shared keys: a room each, so that a crowd at one level holds up no other. */
  readonly keyHandshakes: Readonly<Record<"advanced" | "basic", HandshakeGate>>;
  readonly enrolments: EnrolmentQueue;
  /** The good-bye of a stop to one of so many links: come back, each at another time (F9). */
  goodbye(links: number): TautlineError;
}

type Queue = (typeof LABEL_VALUES)["queue"][number];

/** What herd control needs. */
export interface HerdDeps {
  readonly config: Pick<CentralConfig, "admission">;
  readonly metrics: Pick<CentralMetrics, "waiting" | "begun" | "waited" | "turnedAway">;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Measured on one core of two (docs/reference/performance.md); corrected by itself. */
const HANDSHAKES_PER_SECOND = 200;
const ENROLMENTS_PER_SECOND = 50;

/**
 * Builds herd control: waiting rooms and the memory of sources.
 *
 * @param deps settings, counters, clock and chance
 */
export function createHerd(deps: HerdDeps): Herd {
  const { config, now, random } = deps;
  const { admission: limits } = config;
  const sources = createSourceGuard(limits, now);
  const gateTo = (queue: Queue): HandshakeGate => {
    const room = openRoom(deps, queue, {
      atOnce: limits.handshakesAtOnce,
      mostWaiting: limits.handshakesWaiting,
      expectedPerSecond: HANDSHAKES_PER_SECOND,
    });
    return {
      enter: (caller) =>
        room.enter({
          rank: sources.rankOf(caller.remoteAddress),
          begin: () => caller.begin(),
          refuse: () => caller.refuse(),
        }),
    };
  };
  const enrolments = openRoom(deps, "enrolments", {
    atOnce: limits.enrolmentsAtOnce,
    mostWaiting: limits.enrolmentsWaiting,
    expectedPerSecond: ENROLMENTS_PER_SECOND,
  });
  return {
    sources,
    handshakes: gateTo("handshakes"),
    keyHandshakes: { advanced: gateTo("handshakes-advanced"), basic: gateTo("handshakes-basic") },
    enrolments: queueOf(enrolments, sources),
    goodbye: (links) => {
      const retryAfterMs = spreadReturnMs({
        ahead: links,
        perSecond: limits.returnsPerSecond,
        random: random(),
      });
      return new TautlineError("central.stopping", { detail: { retryAfterMs } });
    },
  };
}

function openRoom(
  { metrics, now, random }: HerdDeps,
  queue: Queue,
  bounds: {
    readonly atOnce: number;
    readonly mostWaiting: number;
    readonly expectedPerSecond: number;
  },
): WaitingRoom {
  return createWaitingRoom({
    ...bounds,
    now,
    random,
    onBegun: (waitedMs) => {
      metrics.begun.inc({ queue });
      metrics.waited.inc({ queue }, waitedMs / 1_000);
    },
    onRefused: () => metrics.turnedAway.inc({ queue }),
    onWaiting: (waiting) => metrics.waiting.set({ queue }, waiting),
  });
}

function queueOf(room: WaitingRoom, sources: SourceGuard): EnrolmentQueue {
  return {
    requireRoom: (remoteAddress) => {
      const retryAfterMs = room.refusalMs(sources.rankOf(remoteAddress));
      if (retryAfterMs !== undefined) throw busy(retryAfterMs);
    },
    inTurn: async (remoteAddress, work) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const leave = room.enter({
        rank: sources.rankOf(remoteAddress),
        begin: resolve,
        refuse: (retryAfterMs) => reject(busy(retryAfterMs)),
      });
      try {
        await promise;
        return await work();
      } finally {
        leave();
      }
    },
  };
}

function busy(retryAfterMs: number): TautlineError {
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
  return new TautlineError("central.busy", { detail: { retryAfterMs, retryAfterSeconds } });
}
