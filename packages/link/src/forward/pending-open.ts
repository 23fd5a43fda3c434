import { type ForwardAnswer, TautlineError } from "@tautline/protocol";
import { peerReason } from "./peer-reason.ts";
import { type LimitWatch, watchLimits } from "./stream-limits.ts";

/** How long the other end may take to say whether it opens a stream. */
export interface OpenLimits {
  /** Without it as long as the link lives. */
  readonly timeoutMs?: number | undefined;
  /** Calls the request off; a TautlineError as its reason is told to the other end, anything else as forward.cancelled. */
  readonly signal?: AbortSignal | undefined;
}

/** Who was asked for what. */
export interface OpenQuestion extends OpenLimits {
  readonly address: string;
  readonly forward: string;
}

/** A request for a stream that waits for its answer. */
export class PendingOpen {
  readonly #question: OpenQuestion;
  readonly #done = Promise.withResolvers<ForwardAnswer>();
  readonly #watch: LimitWatch;

  /**
   * @param onGivenUp called where the answer takes too long or is not wanted any more: forward.open_timeout or the signal's reason
   */
  constructor(question: OpenQuestion, onGivenUp: (error: TautlineError) => void) {
    const { signal, timeoutMs, address, forward } = question;
    this.#question = question;
    this.#watch = watchLimits({ totalTimeoutMs: timeoutMs, signal }, (error) => {
      const isLate = timeoutMs !== undefined && error.code === "forward.too_long";
      const detail = { address, forward, timeoutMs: timeoutMs ?? 0 };
      onGivenUp(isLate ? new TautlineError("forward.open_timeout", { detail }) : error);
    });
  }

  /** Rejects with what `reject` was given, or forward.refused. */
  get answer(): Promise<ForwardAnswer> {
    return this.#done.promise;
  }

  resolve(answer: ForwardAnswer): void {
    this.#watch.stop();
    this.#done.resolve(answer);
  }

  /**
   * Takes the other end's refusal.
   *
   * @param payload of its frame
   * @throws forward.malformed
   */
  refuse(payload: Uint8Array): void {
    const { address, forward } = this.#question;
    this.reject(peerReason("forward.refused", payload, { address, forward }));
  }

  reject(error: TautlineError): void {
    this.#watch.stop();
    this.#done.reject(error);
  }
}
