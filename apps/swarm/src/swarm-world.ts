import type { JoinToken, KeyIdentity, Level } from "@tautline/protocol";
import type { Ledger } from "./ledger.ts";
import type { LoopbackTarget } from "./loopback-target.ts";
import type { Tally } from "./tally.ts";
import type { Turns } from "./turns.ts";

/** What all agents of a swarm have in common. */
export interface SwarmWorld {
  readonly target: LoopbackTarget;
  /** Central's plaintext port, where plaintext is among the levels. */
  readonly plaintextTarget?: LoopbackTarget | undefined;
  /** At which its agents begin, in turn. */
  readonly levels: readonly Level[];
  readonly key?: SwarmKey | undefined;
  readonly token: JoinToken;
  readonly ledger: Ledger;
  readonly tally: Tally;
  /** Who may climb now: agents have a processor each, those of a swarm one together. */
  readonly climbing: Turns;
  /** No wait between two dials is longer; the agent's own 60 s by default. */
  readonly longestWaitMs?: number | undefined;
  /** How often agents report; may change while they run. */
  readonly pace: Pace;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** The ledger failed: the run is over. */
  readonly onBroken: (error: unknown) => void;
}

/** The key that all agents of a swarm share with central. */
export interface SwarmKey {
  readonly key: KeyIdentity;
  /** 32 bytes. */
  readonly sharedKey: Uint8Array;
}

/** How often each agent sends a status message. */
export interface Pace {
  /** 0: as soon as the last one is acknowledged; undefined: heartbeats alone. */
  intervalMs: number | undefined;
}

/** The agent's own default (agent settings, heartbeatSeconds). */
export const HEARTBEAT_MS = 30_000;
/** For a handshake, an upgrade, or an answer; the agent's own default. */
export const ANSWER_TIMEOUT_MS = 30_000;

/** OpAMP's path at central. */
export const OPAMP_PATH = "/v1/opamp";

/**
 * Waits, and ends early without an error when the signal aborts.
 *
 * @param delayMs how long
 * @param signal ends the wait
 */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal.addEventListener("abort", done, { once: true });
  });
}
