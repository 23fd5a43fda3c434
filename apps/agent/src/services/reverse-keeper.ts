import type { Backoff, ForwardChannel, ForwardOpening } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import { waitAskedFor, YOUNG_MS } from "../forwards/pool.ts";

/** A link on which central opens streams, as the keeper sees it. */
export interface KeptLink {
  readonly channel: Pick<ForwardChannel, "onOpen">;
  /** Resolves, and never rejects, with the reason once no stream can be opened on it any more. */
  readonly gone: Promise<unknown>;
  close(): void;
}

/** How links are kept on which central opens streams. */
export interface ReverseKeeperOptions<Link extends KeptLink> {
  /** Dials once, at the agent's level and at no other. */
  readonly dial: (signal: AbortSignal) => Promise<Link>;
  /** Carries a stream to its end; never rejects. */
  readonly serve: (link: Link, opening: ForwardOpening) => Promise<void>;
  /** Links kept ready. */
  readonly warm: number;
  /** Links in all, those in use among them: central opens no more streams than that at once. */
  readonly most: number;
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Told once each time it begins to wait before it dials again. */
  readonly onProblem: (error: TautlineError) => void;
}

/** Links to central that wait for central to open streams. */
export interface ReverseKeeper {
  /** Begins to keep links ready. */
  start(): void;
  /** Closes the links that are ready, and those in use after their streams: from now on another identity dials. */
  renew(): void;
  /** Closes the links that are ready and dials no more; those in use are closed after their streams. */
  stop(): void;
  readonly counts: { readonly ready: number; readonly inUse: number };
}

/**
 * Makes a keeper that dials nothing yet. As soon as central opens a stream on a link another one is dialled, so that the next stream
 * waits for no handshake.
 *
 * @param options how it dials, how much it keeps, and who serves
 */
export function createReverseKeeper<Link extends KeptLink>(
  options: ReverseKeeperOptions<Link>,
): ReverseKeeper {
  return new Keeper(options);
}

interface Kept {
  readonly sinceMs: number;
  isUsed: boolean;
  /** Streams; the last bytes of one may still go to its program when central opens the next. */
  serving: number;
  isOutdated: boolean;
}

class Keeper<Link extends KeptLink> implements ReverseKeeper {
  readonly #options: ReverseKeeperOptions<Link>;
  readonly #stopping = new AbortController();
  readonly #links = new Map<Link, Kept>();
  #era = 0;
  #dials = 0;
  #isStarted = false;
  #endPause: (() => void) | undefined;

  constructor(options: ReverseKeeperOptions<Link>) {
    this.#options = options;
  }

  get counts(): ReverseKeeper["counts"] {
    const all = [...this.#links.values()];
    const inUse = all.filter(({ serving }) => serving > 0).length;
    return { ready: all.length - inUse, inUse };
  }

  start(): void {
    this.#isStarted = true;
    this.#refill();
  }

  renew(): void {
    this.#era += 1;
    for (const [link, kept] of this.#links) {
      kept.isOutdated = true;
      this.#closeIfIdle(link, kept);
    }
    this.#refill();
  }

  stop(): void {
    this.#stopping.abort();
    this.#endPause?.();
    this.#endPause = undefined;
    for (const [link, kept] of this.#links) this.#closeIfIdle(link, kept);
  }

  #refill(): void {
    const isHeld = this.#endPause !== undefined || this.#stopping.signal.aborted;
    if (!this.#isStarted || isHeld) return;
    const { warm, most } = this.#options;
    const { ready, inUse } = this.counts;
    const wanted = Math.min(warm - ready, most - ready - inUse);
    while (this.#dials < wanted) void this.#dialOne();
  }

  async #dialOne(): Promise<void> {
    this.#dials += 1;
    const era = this.#era;
    try {
      const link = await this.#options.dial(this.#stopping.signal);
      this.#dials -= 1;
      this.#adopt(link, era !== this.#era);
    } catch (error) {
      this.#dials -= 1;
      this.#onFailed(toTautlineError(error));
    }
  }

  #adopt(link: Link, isOutdated: boolean): void {
    const sinceMs = this.#options.clock.elapsed();
    const kept: Kept = { sinceMs, isUsed: false, serving: 0, isOutdated };
    this.#links.set(link, kept);
    void link.gone.then((reason) => this.#onGone(link, kept, reason));
    link.channel.onOpen((opening) => void this.#serve(link, kept, opening));
    if (isOutdated || this.#stopping.signal.aborted) this.#closeIfIdle(link, kept);
    this.#refill();
  }

  async #serve(link: Link, kept: Kept, opening: ForwardOpening): Promise<void> {
    kept.serving += 1;
    kept.isUsed = true;
    this.#options.backoff.reset();
    this.#refill();
    await this.#options.serve(link, opening);
    kept.serving -= 1;
    const isOver = this.#stopping.signal.aborted || kept.isOutdated;
    if (isOver || this.counts.ready > this.#options.warm) this.#closeIfIdle(link, kept);
  }

  #closeIfIdle(link: Link, { serving }: Kept): void {
    if (serving === 0) link.close();
  }

  #onGone(link: Link, kept: Kept, reason: unknown): void {
    this.#links.delete(link);
    const isYoung = this.#options.clock.elapsed() - kept.sinceMs < YOUNG_MS;
    if (!kept.isUsed && !kept.isOutdated && isYoung) return this.#onFailed(toTautlineError(reason));
    this.#refill();
  }

  #onFailed(cause: TautlineError): void {
    if (this.#stopping.signal.aborted || this.#endPause !== undefined) return;
    const { backoff, clock, onProblem } = this.#options;
    const detail = { reason: cause.message };
    const callOff = clock.after(Math.max(backoff.next(), waitAskedFor(cause)), () => {
      this.#endPause = undefined;
      this.#refill();
    });
    this.#endPause = callOff;
    onProblem(new TautlineError("agent.forward_dial_failed", { cause, detail }));
  }
}
