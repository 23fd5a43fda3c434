import type { IncomingHttpHeaders } from "node:http";
import type { Readable, Writable } from "node:stream";
import type { TautlineError } from "@tautline/protocol";
import type { RawHeaders } from "./header-rules.ts";

/** One call as its caller sees it, whatever version of HTTP it speaks. */
export interface Caller {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: RawHeaders;
  /** There is no body. */
  readonly ends: boolean;
  readonly body: Readable;
  /** Is called once if the caller goes before its call was answered. */
  onGone: ((reason: TautlineError, resetCode: number) => void) | undefined;
  /**
   * Begins the answer.
   *
   * @returns takes the answer's body
   */
  answer(status: number, headers: RawHeaders, ends: boolean): Writable;
  /** Ends a begun answer, with these trailers. */
  finish(trailers: Readonly<Record<string, string | string[]>> | undefined): void;
  /** Answers with why not; where an answer was begun, it ends so that nobody takes it for whole. */
  fail(error: TautlineError, isGrpc: boolean): void;
  /** Breaks off as the backend did; code of RST_STREAM. */
  reset(code: number): void;
}
