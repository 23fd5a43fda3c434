import { TautlineError, toTautlineError } from "@tautline/protocol";

/** How long a stream may last, and who may end it. */
export interface StreamLimits {
  /** Ends the stream where so long nothing was carried in either direction; without it never. */
  readonly idleTimeoutMs?: number | undefined;
  /** Ends the stream after so long, whatever it carries; without it never. */
  readonly totalTimeoutMs?: number | undefined;
  /** Ends the stream when aborted; a TautlineError as its reason is told to the other end, anything else as forward.cancelled. */
  readonly signal?: AbortSignal | undefined;
}

/** The running limits of one stream. */
export interface LimitWatch {
  /** Something was carried. */
  readonly touch: () => void;
  readonly stop: () => void;
}

/** A longer timer of the platform would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Watches over the limits of one stream.
 *
 * @param limits which; times are at most 2^31 - 1 ms (24 days), longer ones are taken as that
 * @param onEnd called once at most, and never before this returns: forward.idle, forward.too_long or the signal's reason
 */
export function watchLimits(
  limits: StreamLimits,
  onEnd: (error: TautlineError) => void,
): LimitWatch {
  const { idleTimeoutMs, totalTimeoutMs, signal } = limits;
  const end = (error: TautlineError): void => {
    stop();
    onEnd(error);
  };
  const late = (code: "forward.idle" | "forward.too_long", timeoutMs: number | undefined) =>
    timeoutMs === undefined
      ? undefined
      : setTimeout(
          () => end(new TautlineError(code, { detail: { timeoutMs } })),
          Math.min(timeoutMs, LONGEST_TIMER_MS),
        );
  const idle = late("forward.idle", idleTimeoutMs);
  const total = late("forward.too_long", totalTimeoutMs);
  const cancel = (): void => end(toTautlineError(signal?.reason, "forward.cancelled"));
  const alreadyAborted = signal?.aborted === true ? setImmediate(cancel) : undefined;
  signal?.addEventListener("abort", cancel, { once: true });
  const stop = (): void => {
    clearTimeout(idle);
    clearTimeout(total);
    clearImmediate(alreadyAborted);
    signal?.removeEventListener("abort", cancel);
  };
  return { touch: () => idle?.refresh(), stop };
}
