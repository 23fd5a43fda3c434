import type { Duplex } from "node:stream";
import type { TautlineError } from "@tautline/protocol";
import type { LegOpener } from "./leg.ts";

/** One place where calls may be carried to. */
export interface UpstreamPlace {
  /** For people and records: "oap-1". */
  readonly name: string;
  /** What is sent as `:authority` or Host. */
  readonly authority: string;
  /** What is sent as `:scheme`. */
  readonly scheme: "http" | "https";
  /**
   * Opens a connection to it, secured as it shall be.
   *
   * @param signal aborts the try
   */
  connect(signal: AbortSignal): Promise<Duplex>;
}

/** How a place is. */
export interface UpstreamState {
  readonly name: string;
  /** `idle`: nobody needed it yet; `out`: it failed, and is tried again at `retryAtMs`. */
  readonly state: "idle" | "connecting" | "ready" | "out";
  /** Calls that are being carried there. */
  readonly calls: number;
  /** Why it is out. */
  readonly error: TautlineError | undefined;
  /** On the clock of `now`. */
  readonly retryAtMs: number | undefined;
}

/** What upstreams are made of. */
export interface UpstreamsOptions {
  /** In the order in which they are preferred; the first that works gets every call. */
  readonly places: readonly UpstreamPlace[];
  readonly protocol: "h2" | "http/1.1";
  /** For connecting, and for the first answer of HTTP/2, milliseconds; 10 s unless told. */
  readonly connectTimeoutMs?: number;
  /**
   * A PING is sent where nothing came for so long while calls wait, milliseconds; a bit over 5 min unless told: servers of gRPC take more
   * frequent ones for an abuse.
   */
  readonly keepaliveMs?: number;
  /** And has to be answered within, milliseconds; 20 s unless told. */
  readonly keepaliveTimeoutMs?: number;
  /** A place that failed is out for about so long, longer each time, milliseconds; 0.5 s to 30 s unless told. */
  readonly firstRetryMs?: number;
  readonly longestRetryMs?: number;
  /** A connection that carried nothing for so long is closed, milliseconds; 5 min unless told. */
  readonly idleMs?: number;
  /** A place's state has changed. */
  onState?(state: UpstreamState): void;
  /** Milliseconds that never go back, such as `performance.now()`. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The places that calls of one kind are carried to. */
export interface Upstreams extends LegOpener {
  readonly protocol: "h2" | "http/1.1";
  /** In the order of the places. */
  states(): readonly UpstreamState[];
  /** Connects to the first place that works, without a call: a health check. Rejects with carry.no_upstream. */
  check(signal: AbortSignal): Promise<void>;
  /** Takes no further calls, lets open ones end within `graceMs`, and cuts the rest. */
  stop(graceMs: number): Promise<void>;
}
