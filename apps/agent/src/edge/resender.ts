import type { Backoff, Upstreams } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { wait, type Clock } from "../clock.ts";
import { type Answer, meaningOf, type NoAnswer, refusalText, sendWhole } from "./answer.ts";
import type { CallStore, StoredCall } from "./store/call-store.ts";

/** Calls under way at once: begun in order, over one connection. */
const WINDOW = 8;
/** A backend that is there and takes a call so often not refuses it: the calls behind it must not wait for ever. */
const MOST_TRIES = 5;

/** What sending kept calls needs. */
export interface ResenderOptions {
  readonly store: Pick<CallStore, "oldest" | "delivered" | "refused">;
  /** Asked at each round. */
  readonly onward: () => Upstreams;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly onProblem: (error: TautlineError) => void;
}

/** Sends kept calls once somebody is there again. */
export interface Resender {
  /** Somebody is there who takes calls. */
  wake(): void;
  /** A call was kept, so there is something to send. */
  onKept(): void;
  /** Resolves when nothing of its is under way any more. */
  readonly done: Promise<void>;
}

/**
 * Begins to send kept calls in their order. What is not answered is sent again, so the backend may get a call twice; none is passed
 * over (promise 3).
 *
 * @param options store, way, time
 * @param signal ends it
 */
export function startResender(options: ResenderOptions, signal: AbortSignal): Resender {
  const sender = new Sender(options, signal);
  const done = sender.run().catch((error: unknown) => options.onProblem(toTautlineError(error)));
  return { wake: () => sender.wake(), onKept: () => sender.onKept(), done };
}

class Sender {
  readonly #options: ResenderOptions;
  readonly #signal: AbortSignal;
  readonly #tries = new Map<number, number>();
  #waking = new AbortController();
  #isIdle = false;

  constructor(options: ResenderOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  wake(): void {
    this.#waking.abort();
  }

  /** Otherwise it is waiting for somebody to come back, and has its time for that. */
  onKept(): void {
    if (this.#isIdle) this.wake();
  }

  async run(): Promise<void> {
    const { store, onward, backoff } = this.#options;
    while (!this.#signal.aborted) {
      const [first] = await store.oldest(1);
      if (first === undefined) {
        await this.#pause(undefined);
        continue;
      }
      // The next connection that is tried is that of a call of ours: nobody else may be calling.
      const isThere = await onward()
        .check(this.#signal)
        .then(
          () => true,
          () => false,
        );
      if (isThere && (await this.#sendAll())) backoff.reset();
      else await this.#pause(backoff.next());
    }
  }

  /** Gives false once a call was not taken, and is to be sent again. */
  async #sendAll(): Promise<boolean> {
    for (;;) {
      const some = await this.#options.store.oldest(WINDOW);
      if (some.length === 0) return true;
      const taken = await Promise.all(some.map((stored) => this.#sendOne(stored)));
      if (this.#signal.aborted || taken.includes(false)) return false;
    }
  }

  async #sendOne(stored: StoredCall): Promise<boolean> {
    const { store, onward, timeoutMs } = this.#options;
    const { seq, call } = stored;
    const outcome = await sendWhole(onward(), call, { timeoutMs, signal: this.#signal });
    const meaning =
      outcome.kind === "none" ? meaningOfSilence(outcome) : meaningOf(outcome, call.isGrpc);
    if (meaning === "taken") {
      store.delivered(seq);
    } else if (meaning === "refused" || (meaning === "busy" && this.#isLastTry(seq))) {
      this.#refuse(stored, outcome);
    } else return false;
    this.#tries.delete(seq);
    return true;
  }

  #isLastTry(seq: number): boolean {
    const tries = (this.#tries.get(seq) ?? 0) + 1;
    this.#tries.set(seq, tries);
    return tries >= MOST_TRIES;
  }

  #refuse(stored: StoredCall, outcome: Answer | NoAnswer): void {
    const { store, onProblem } = this.#options;
    store.refused(stored);
    const reason = outcome.kind === "answer" ? refusalText(outcome) : outcome.error.message;
    const detail = { path: stored.call.path, reason };
    onProblem(new TautlineError("agent.edge_kept_refused", { detail }));
  }

  /** Until it is woken, or the time is over. */
  async #pause(ms: number | undefined): Promise<void> {
    const { signal } = this.#waking;
    const either = AbortSignal.any([signal, this.#signal]);
    this.#isIdle = ms === undefined;
    await (ms === undefined ? aborted(either) : wait(this.#options.clock, ms, either));
    this.#isIdle = false;
    if (signal.aborted) this.#waking = new AbortController();
  }
}

/** A connection that was lost says nothing of the call; a backend that breaks this one off may do so each time. */
function meaningOfSilence({ error }: NoAnswer): "away" | "busy" {
  return error.code === "carry.upstream_reset" || error.code === "carry.upstream_malformed"
    ? "busy"
    : "away";
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
