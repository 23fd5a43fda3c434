import type { Duplex } from "node:stream";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { createBackoff, type Backoff } from "../backoff.ts";
import { nameTlsFailure } from "../tls-failure.ts";
import type { UpstreamPlace, UpstreamState } from "./upstreams.ts";

/** What is told about a place, and when it is tried again. */
export interface PlaceKeeperOptions {
  readonly place: UpstreamPlace;
  readonly connectTimeoutMs: number;
  readonly firstRetryMs: number;
  readonly longestRetryMs: number;
  readonly onState: (state: UpstreamState) => void;
  /** It is time to try a place that was out. */
  readonly onRetry: () => void;
  readonly calls: () => number;
  readonly now: () => number;
  readonly random: () => number;
}

/** Knows how one place is: dials it, keeps it out for a while when that fails, and tries again. */
export class PlaceKeeper {
  readonly #options: PlaceKeeperOptions;
  readonly #backoff: Backoff;
  readonly #stopped = new AbortController();
  #state: UpstreamState["state"] = "idle";
  #error: TautlineError | undefined;
  #retryAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PlaceKeeperOptions) {
    this.#options = options;
    const { firstRetryMs, longestRetryMs, random } = options;
    this.#backoff = createBackoff({ firstMs: firstRetryMs, capMs: longestRetryMs, random });
  }

  get isOut(): boolean {
    return this.#state === "out";
  }

  get error(): TautlineError | undefined {
    return this.#error;
  }

  /** How it is, for people. */
  get state(): UpstreamState {
    return {
      name: this.#options.place.name,
      state: this.#state,
      calls: this.#options.calls(),
      error: this.#error,
      retryAtMs: this.#retryAtMs,
    };
  }

  /**
   * Opens a connection, and something over it.
   *
   * @param use what is opened over it; its failure is the place's
   * @returns what `use` returns
   * @throws why it did not come about; the place is out then
   */
  async dial<Used>(use: (socket: Duplex) => Promise<Used>): Promise<Used> {
    const { place, connectTimeoutMs } = this.#options;
    // Where it works already, one more connection changes nothing.
    if (this.#state !== "ready") this.#become("connecting", undefined);
    // Aborted during this try only: whoever dials may have bound the life of the connection to it.
    const trying = new AbortController();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      trying.abort();
    }, connectTimeoutMs);
    const stop = (): void => trying.abort();
    this.#stopped.signal.addEventListener("abort", stop);
    let socket: Duplex | undefined;
    try {
      this.#stopped.signal.throwIfAborted();
      socket = await place.connect(trying.signal);
      // Stays for its life: a reset between two owners would end the process.
      socket.on("error", () => {});
      const used = await orAbort(use(socket), trying.signal);
      this.#backoff.reset();
      this.#become("ready", undefined);
      return used;
    } catch (error) {
      socket?.destroy();
      throw this.#fail(isLate && !isTautlineError(error) ? this.#lateness() : error);
    } finally {
      clearTimeout(timer);
      this.#stopped.signal.removeEventListener("abort", stop);
    }
  }

  /** Its connection is gone, and nothing is known against it. */
  rest(): void {
    if (this.#state === "ready") this.#become("idle", undefined);
  }

  /** Ends dialling and waiting. */
  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  #lateness(): TautlineError {
    const { place, connectTimeoutMs: timeoutMs } = this.#options;
    return new TautlineError("carry.upstream_silent", { detail: { place: place.name, timeoutMs } });
  }

  #fail(error: unknown): TautlineError {
    const { place, connectTimeoutMs: timeoutMs, now } = this.#options;
    const named = nameTlsFailure(error, { address: place.name, timeoutMs });
    if (this.#stopped.signal.aborted) return named;
    const waitMs = this.#backoff.next();
    this.#become("out", named, now() + waitMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#options.onRetry(), waitMs);
    this.#timer.unref();
    return named;
  }

  #become(
    state: UpstreamState["state"],
    error: TautlineError | undefined,
    retryAtMs?: number,
  ): void {
    if (state === "ready" && this.#state === "ready") return;
    // Why a place was out is told until it works again.
    if (state !== "connecting") this.#error = error;
    this.#state = state;
    this.#retryAtMs = retryAtMs;
    this.#options.onState(this.state);
  }
}

function orAbort<Used>(promise: Promise<Used>, signal: AbortSignal): Promise<Used> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
