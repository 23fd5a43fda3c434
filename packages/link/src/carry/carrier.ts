import type { Duplex } from "node:stream";
import type { TautlineError } from "@tautline/protocol";
import type { CallHead, CallLimits, CallRecord, CallVerdict } from "./call.ts";

/** What one connection may take; defaults are those of `CARRY_LIMITS`. */
export interface CarrierLimits extends CallLimits {
  /** From the connection's beginning to its first whole call, milliseconds (F13). */
  readonly firstCallMs: number;
  /** A connection without a call for so long is ended, milliseconds. */
  readonly idleMs: number;
  /** A PING is sent to a caller that was silent for so long, milliseconds. */
  readonly keepaliveMs: number;
  /** And has to be answered within, milliseconds. */
  readonly keepaliveTimeoutMs: number;
  /** Names and values of one call's headers, bytes as RFC 9113 section 10.5.1 counts them. */
  readonly headerBytes: number;
  readonly headerFields: number;
  /** Calls at once on one connection; more wait at the caller. */
  readonly callsAtOnce: number;
  /** Calls that a caller may cancel at once, and a second in the long run (rapid reset). */
  readonly cancelsBurst: number;
  readonly cancelsPerSecond: number;
  /** PING and SETTINGS frames that a caller may send at once, and a second in the long run. */
  readonly controlsBurst: number;
  readonly controlsPerSecond: number;
}

/** What a carrier asks and tells; `Context` is whatever its user knows of a connection. */
export interface CarrierOptions<Context> {
  /** Called once a call, before its body is read. What it throws refuses the call. */
  judge(head: CallHead, context: Context): CallVerdict | Promise<CallVerdict>;
  /** Called when a call is over, whatever became of it. */
  onCall?(record: CallRecord, context: Context): void;
  readonly limits?: Partial<CarrierLimits>;
  /** Milliseconds that never go back, such as `performance.now()`. */
  readonly now: () => number;
}

/** One connection that is being carried. */
export interface CarriedConnection {
  /** What is spoken on it; undefined until its first bytes have come. */
  readonly protocol: "h2" | "http/1.1" | undefined;
  /** Calls begun, and those of them that are not over. */
  readonly counts: { readonly calls: number; readonly open: number };
  /** Tells the caller why (GOAWAY with the reason), ends open calls with it, and cuts. */
  end(reason: TautlineError): void;
  /** Resolves when the connection is gone; to why, where it did not end in order. Never rejects. */
  readonly closed: Promise<TautlineError | undefined>;
}

/** Carries calls from secured connections to upstreams. */
export interface Carrier<Context> {
  /**
   * Takes a connection over: HTTP/2 by its preface, else HTTP/1.1.
   *
   * @param stream secured and judged; nothing may have been read from it without being given back (`unshift`)
   * @param context handed to `judge` and `onCall`
   */
  serve(stream: Duplex, context: Context): CarriedConnection;
  /**
   * Takes no further calls, lets open ones end within `graceMs`, and cuts the rest.
   *
   * @returns resolved when every connection is gone
   */
  stop(graceMs: number): Promise<void>;
}
