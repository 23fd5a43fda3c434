import type { TautlineError } from "@tautline/protocol";
import type { CallHead, CallRecord, CallVerdict } from "./call.ts";
import { CarriedCall } from "./carried-call.ts";
import type { Caller } from "./caller.ts";
import type { CarrierLimits } from "./carrier.ts";

/** What a connection asks and tells, its context bound. */
export interface ServedOptions {
  readonly judge: (head: CallHead) => CallVerdict | Promise<CallVerdict>;
  readonly onCall: (record: CallRecord) => void;
  readonly limits: CarrierLimits;
  readonly now: () => number;
}

/** Something that is served once its version of HTTP is known. */
export interface Served {
  /** Says why and ends. */
  end(reason: TautlineError): void;
  /** Takes no further calls; ends when those there are have ended. */
  drain(): void;
}

/** The calls of one connection, and the time that passes without one. */
export class ConnectionCalls {
  readonly #options: ServedOptions;
  readonly #open = new Set<CarriedCall>();
  readonly #onQuiet: (timeoutMs: number, hadCalls: boolean) => void;
  #calls = 0;
  #isStopped = false;
  readonly #first: NodeJS.Timeout;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param options what the calls ask and tell
   * @param onQuiet no call came for as long as one may wait for the first, or for the next
   */
  constructor(options: ServedOptions, onQuiet: (timeoutMs: number, hadCalls: boolean) => void) {
    this.#options = options;
    this.#onQuiet = onQuiet;
    const { firstCallMs } = options.limits;
    this.#first = setTimeout(() => onQuiet(firstCallMs, false), firstCallMs);
    this.#first.unref();
  }

  get counts(): { readonly calls: number; readonly open: number } {
    return { calls: this.#calls, open: this.#open.size };
  }

  /** Carries one call. */
  start(caller: Caller): void {
    const { judge, limits, now, onCall } = this.#options;
    this.#calls += 1;
    if (this.#calls === 1) clearTimeout(this.#first);
    const call: CarriedCall = new CarriedCall(caller, {
      judge,
      limits,
      now,
      onOver: (record) => {
        this.#open.delete(call);
        if (this.#open.size === 0) this.#waitForCall();
        onCall(record);
      },
    });
    this.#open.add(call);
    call.start();
  }

  /** Ends all calls with this reason. */
  fail(reason: TautlineError): void {
    for (const call of this.#open) call.fail(reason);
  }

  /** Nothing is waited for any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#first);
    clearTimeout(this.#idle);
  }

  /** One timer for the connection's life: to begin it anew costs less than a new one for each call. */
  #waitForCall(): void {
    if (this.#isStopped) return;
    if (this.#idle !== undefined) return void this.#idle.refresh();
    const { idleMs } = this.#options.limits;
    this.#idle = setTimeout(() => {
      if (this.#open.size === 0) this.#onQuiet(idleMs, true);
    }, idleMs);
    this.#idle.unref();
  }
}
