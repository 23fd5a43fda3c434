import type { Backoff } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import { boundRetryAfter } from "../control/server-message.ts";

/** A link that dies unused before this tells of a central that keeps none; it counts as a dial that failed, so that waits grow. */
export const YOUNG_MS = 10_000;
/** Handshakes under way at once: more of them would each take longer. */
const MOST_DIALS = 16;

/** A link for forwards, as the pool sees it. */
export interface PooledLink {
  /** Whether a stream can be opened on it now. */
  readonly isIdle: boolean;
  /** Resolves, and never rejects, with the reason once no stream can be opened on it any more. */
  readonly gone: Promise<unknown>;
  close(): void;
}

/** How a pool dials, and how much it keeps. */
export interface PoolOptions<Link extends PooledLink> {
  /** Dials once, at the agent's level and at no other. */
  readonly dial: (signal: AbortSignal) => Promise<Link>;
  /** Links kept ready. */
  readonly warm: number;
  /** Links that may be ready beyond a burst; one more is closed. */
  readonly mostIdle: number;
  /** Links beyond `warm` are closed after so long unused. */
  readonly idleMs: number;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Told once each time the pool begins to wait before it dials again. */
  readonly onProblem: (error: TautlineError) => void;
}

/** Links to central that are ready before anybody asks, shared by all forwards of an agent. */
export interface ForwardPool<Link extends PooledLink> {
  /** Begins to keep links ready. */
  start(): void;
  /**
   * Gives a link on which no stream runs: one that is ready, else one that is dialled now.
   *
   * @param signal calls it off
   * @throws agent.forward_dial_failed at once while central cannot be reached; link.cancelled
   */
  take(signal: AbortSignal): Promise<Link>;
  /** Takes a link back after its stream; one on which no other can follow is closed. */
  giveBack(link: Link): void;
  /** Closes the links that are ready, and those in use once they come back: from now on another identity dials. */
  renew(): void;
  /** Closes the links that are ready and dials no more; those in use are closed when they come back. */
  stop(): void;
  /** How many links there are. */
  readonly counts: { readonly ready: number; readonly inUse: number };
}

/**
 * Makes a pool that dials nothing yet.
 *
 * @param options how it dials, and how much it keeps
 */
export function createForwardPool<Link extends PooledLink>(
  options: PoolOptions<Link>,
): ForwardPool<Link> {
  return new LinkPool(options);
}

interface Waiter<Link> {
  readonly resolve: (link: Link) => void;
  readonly reject: (error: TautlineError) => void;
}

interface Ready {
  readonly sinceMs: number;
  readonly isUnused: boolean;
  callOff: () => void;
}

class LinkPool<Link extends PooledLink> implements ForwardPool<Link> {
  readonly #options: PoolOptions<Link>;
  readonly #stopping = new AbortController();
  /** In the order they became ready: the last is taken first, so that what is too many is found unused. */
  readonly #ready = new Map<Link, Ready>();
  readonly #inUse = new Set<Link>();
  /** In use, and of an identity that is no longer the agent's. */
  readonly #outdated = new WeakSet<Link>();
  readonly #waiters = new Set<Waiter<Link>>();
  #era = 0;
  #dials = 0;
  #isStarted = false;
  #pause: { readonly error: TautlineError; readonly callOff: () => void } | undefined;

  constructor(options: PoolOptions<Link>) {
    this.#options = options;
  }

  get counts(): ForwardPool<Link>["counts"] {
    return { ready: this.#ready.size, inUse: this.#inUse.size };
  }

  start(): void {
    this.#isStarted = true;
    this.#refill();
  }

  take(signal: AbortSignal): Promise<Link> {
    const { promise, resolve, reject } = Promise.withResolvers<Link>();
    if (signal.aborted || this.#stopping.signal.aborted) return Promise.reject(cancelled());
    const link = this.#takeReady();
    if (link !== undefined) {
      this.#refill();
      return Promise.resolve(link);
    }
    if (this.#pause !== undefined) return Promise.reject(this.#pause.error);
    const cancel = (): void => {
      this.#waiters.delete(waiter);
      reject(cancelled());
    };
    signal.addEventListener("abort", cancel, { once: true });
    const settle = <Value>(then: (value: Value) => void) => {
      return (value: Value): void => {
        signal.removeEventListener("abort", cancel);
        then(value);
      };
    };
    const waiter = { resolve: settle(resolve), reject: settle(reject) };
    this.#waiters.add(waiter);
    this.#refill();
    return promise;
  }

  giveBack(link: Link): void {
    if (!this.#inUse.delete(link)) return;
    const isStopped = this.#stopping.signal.aborted;
    if (isStopped || this.#outdated.has(link) || !link.isIdle) link.close();
    else {
      this.#options.backoff.reset();
      this.#offer(link, false);
    }
    this.#refill();
  }

  renew(): void {
    this.#era += 1;
    for (const link of this.#inUse) this.#outdated.add(link);
    this.#closeReady();
    this.#refill();
  }

  stop(): void {
    this.#stopping.abort();
    this.#pause?.callOff();
    this.#pause = undefined;
    this.#closeReady();
    this.#refuseWaiters(cancelled());
  }

  #takeReady(): Link | undefined {
    for (const [link, ready] of [...this.#ready].toReversed()) {
      this.#forget(link, ready);
      if (link.isIdle) {
        this.#inUse.add(link);
        return link;
      }
      link.close();
    }
    return undefined;
  }

  #refill(): void {
    if (!this.#isStarted || this.#pause !== undefined || this.#stopping.signal.aborted) return;
    const missing = Math.max(0, this.#options.warm - this.#ready.size);
    const wanted = Math.min(MOST_DIALS, this.#waiters.size + missing);
    while (this.#dials < wanted) void this.#dialOne();
  }

  async #dialOne(): Promise<void> {
    this.#dials += 1;
    const era = this.#era;
    try {
      const link = await this.#options.dial(this.#stopping.signal);
      this.#dials -= 1;
      void link.gone.then((reason) => this.#onGone(link, reason));
      this.#endPause();
      if (era !== this.#era || this.#stopping.signal.aborted) link.close();
      else this.#offer(link, true);
      this.#refill();
    } catch (error) {
      this.#dials -= 1;
      this.#onFailed(toTautlineError(error));
    }
  }

  #offer(link: Link, isUnused: boolean): void {
    const [waiter] = this.#waiters;
    if (waiter !== undefined) {
      this.#waiters.delete(waiter);
      this.#inUse.add(link);
      waiter.resolve(link);
      return;
    }
    const ready = { sinceMs: this.#options.clock.elapsed(), isUnused, callOff: () => {} };
    this.#ready.set(link, ready);
    this.#watchIdle(link, ready);
    const [[oldest, its] = []] = this.#ready;
    if (this.#ready.size <= this.#options.mostIdle || !oldest || !its) return;
    this.#forget(oldest, its);
    oldest.close();
  }

  #watchIdle(link: Link, ready: Ready): void {
    const { clock, idleMs, warm } = this.#options;
    ready.callOff = clock.after(idleMs, () => {
      if (this.#ready.size <= warm) return this.#watchIdle(link, ready);
      this.#forget(link, ready);
      link.close();
    });
  }

  #forget(link: Link, ready: Ready): void {
    ready.callOff();
    this.#ready.delete(link);
  }

  #closeReady(): void {
    for (const [link, ready] of this.#ready) {
      this.#forget(link, ready);
      link.close();
    }
  }

  /** Of those in use the stream tells. */
  #onGone(link: Link, reason: unknown): void {
    const ready = this.#ready.get(link);
    if (ready === undefined) return;
    this.#forget(link, ready);
    const isYoung = this.#options.clock.elapsed() - ready.sinceMs < YOUNG_MS;
    if (ready.isUnused && isYoung) return this.#onFailed(toTautlineError(reason));
    this.#options.backoff.reset();
    this.#refill();
  }

  /** Other dials that are under way may still do better. */
  #onFailed(cause: TautlineError): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#pause === undefined) {
      const { backoff, clock, onProblem } = this.#options;
      const detail = { reason: cause.message };
      const error = new TautlineError("agent.forward_dial_failed", { cause, detail });
      const waitMs = Math.max(backoff.next(), waitAskedFor(cause));
      const callOff = clock.after(waitMs, () => {
        this.#pause = undefined;
        this.#refill();
      });
      this.#pause = { error, callOff };
      onProblem(error);
    }
    if (this.#dials === 0) this.#refuseWaiters(this.#pause.error);
  }

  #endPause(): void {
    this.#pause?.callOff();
    this.#pause = undefined;
  }

  #refuseWaiters(error: TautlineError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}

/**
 * How long central asked to be left alone, within what is waited at most.
 *
 * @param error that a dial ended with
 * @returns milliseconds; 0 where it asked for nothing
 */
export function waitAskedFor({ detail }: TautlineError): number {
  const seconds = detail["retryAfterSeconds"];
  return typeof seconds === "number" ? boundRetryAfter(seconds * 1000) : 0;
}

function cancelled(): TautlineError {
  return new TautlineError("link.cancelled", { detail: { address: "central" } });
}
