import type { Readable, Writable } from "node:stream";
import type { TautlineError } from "@tautline/protocol";
import type { RawHeaders } from "./header-rules.ts";

/** A request as it goes to a backend. */
export interface LegRequest {
  readonly method: string;
  readonly path: string;
  /** Without pseudo-headers and Host. */
  readonly headers: RawHeaders;
  /** There is no body. */
  readonly ends: boolean;
}

/** How a leg ended, where its answer did not become whole. */
export interface LegEnd {
  readonly error: TautlineError;
  /** The backend took nothing of the request in: it may be sent again (RFC 9113 section 8.7). */
  readonly isUntaken: boolean;
  /** The code of the RST_STREAM with which the backend broke it off. */
  readonly resetCode: number | undefined;
}

/** What a leg tells. */
export interface LegEvents {
  /** The answer begins; its body is read from `answer`, unless it ends here. */
  head(status: number, headers: RawHeaders, ends: boolean, answer: Readable): void;
  /** Before the answer's end. */
  trailers(raw: RawHeaders): void;
  /** The body of the answer is whole; its stream may end without, where the backend is lost. */
  end(): void;
  /** Once, when nothing more will come; undefined: in order. */
  over(end: LegEnd | undefined): void;
}

/** One call's way from here to a backend. */
export interface Leg {
  /** Name of the backend's place. */
  readonly place: string;
  /** Takes the request's body. */
  readonly body: Writable;
  /**
   * Breaks the call off.
   *
   * @param code of RST_STREAM (RFC 9113 section 7); for HTTP/1.1 the connection is closed
   */
  cancel(code: number): void;
}

/** Opens legs; what carriers use of `Upstreams`. */
export interface LegOpener {
  /**
   * Sends a request's head to the first place that works.
   *
   * @returns at once where a connection stands
   * @throws carry.no_upstream, carry.stopping
   */
  open(request: LegRequest, events: LegEvents): Leg | Promise<Leg>;
}
