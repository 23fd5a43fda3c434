import { resolve } from "node:path";
import { type Backoff, createBackoff } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { wait, type Clock } from "../clock.ts";
import { createForwardCounters, type ForwardCounts } from "./forward-counters.ts";
import type { ForwardLink } from "./forward-link.ts";
import type { ForwardSettings } from "./forward-settings.ts";
import { carryConnection, type StreamOptions } from "./forward-stream.ts";
import { formatListenAddress, readListenAddress } from "./listen-address.ts";
import { openLocalListener, type LocalListener } from "./local-listener.ts";
import type { ForwardPool } from "./pool.ts";

/** How long connections that are carried may go on when the agent stops. */
export const DRAIN_MS = 10_000;

/** One forward as `agent status` shows it. */
export interface ForwardStatus extends ForwardCounts {
  readonly name: string;
  /** Where it listens, or is to listen: with the port it was given where any free one would do. */
  readonly listen: string;
  readonly listening: boolean;
}

/** What the forwards of an agent need. */
export interface ForwardServiceOptions {
  readonly forwards: Readonly<Record<string, ForwardSettings>>;
  /** That paths are relative to. */
  readonly dataFolder: string;
  readonly pool: ForwardPool<ForwardLink>;
  readonly clock: Clock;
  /** Uniform in [0, 1); spreads tries to listen. */
  readonly random: () => number;
  /** How long central may take to say whether it opens a stream. */
  readonly openTimeoutMs: number;
  /** How long connections that are carried may go on once it stops. */
  readonly drainMs: number;
  readonly onProblem: (error: TautlineError) => void;
}

/** The forwards of an agent: nothing listens before it is started. */
export interface ForwardService {
  /** Begins to listen and to keep links ready, where it does not yet; called at each first answer of central's. */
  start(): void;
  /** A new identity is in use: links that are ready are dialled anew under it. */
  renew(): void;
  /** Takes no more connections, lets those that are carried come to their end for a while, then resets them. */
  stop(): Promise<void>;
  /** Waits for something, and then until these have stopped, however it ended. */
  stopAfter(work: Promise<unknown>): Promise<void>;
  readonly status: readonly ForwardStatus[];
}

/**
 * Makes the forwards of an agent.
 *
 * @param options their settings, links, time
 */
export function createForwardService(options: ForwardServiceOptions): ForwardService {
  const stopping = new AbortController();
  const forwards = Object.entries(options.forwards).map(
    ([name, settings]) => new Forward(name, settings, options),
  );
  let isStarted = false;
  let stopped: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    stopping.abort();
    options.pool.stop();
    await Promise.all(forwards.map((forward) => forward.drain()));
  };
  const stop = (): Promise<void> => (stopped ??= drain());
  return {
    start() {
      if (isStarted || stopping.signal.aborted || forwards.length === 0) return;
      isStarted = true;
      options.pool.start();
      for (const forward of forwards) void forward.listen(stopping.signal);
    },
    renew: () => options.pool.renew(),
    stop,
    async stopAfter(work) {
      try {
        await work;
      } finally {
        await stop();
      }
    },
    get status() {
      return forwards.map((forward) => forward.status);
    },
  };
}

class Forward {
  readonly #name: string;
  readonly #settings: ForwardSettings;
  readonly #options: ForwardServiceOptions;
  readonly #counters = createForwardCounters();
  readonly #carried = new Set<Promise<void>>();
  readonly #cutting = new AbortController();
  readonly #backoff: Backoff;
  #listener: LocalListener | undefined;

  constructor(name: string, settings: ForwardSettings, options: ForwardServiceOptions) {
    this.#name = name;
    this.#settings = settings;
    this.#options = options;
    this.#backoff = createBackoff({ random: options.random });
  }

  get status(): ForwardStatus {
    const { listen } = this.#settings;
    return {
      name: this.#name,
      listen: this.#listener === undefined ? listen : formatListenAddress(this.#listener.address),
      listening: this.#listener !== undefined,
      ...this.#counters,
    };
  }

  /** Tries until it listens: what is in the way may go away. */
  async listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#listener = await this.#open(signal);
      } catch (error) {
        this.#options.onProblem(toTautlineError(error));
      }
      if (this.#listener !== undefined) break;
      await wait(this.#options.clock, this.#backoff.next(), signal);
    }
    const close = (): void => {
      this.#listener?.close();
      this.#listener = undefined;
    };
    if (signal.aborted) close();
    else signal.addEventListener("abort", close, { once: true });
  }

  /** Resolves when nothing is carried any more. */
  async drain(): Promise<void> {
    const { clock, drainMs } = this.#options;
    const callOff = clock.after(drainMs, () => {
      const detail = { forward: this.#name };
      this.#cutting.abort(new TautlineError("agent.forward_stopping", { detail }));
    });
    while (this.#carried.size > 0) await Promise.all(this.#carried);
    callOff();
  }

  #open(signal: AbortSignal): Promise<LocalListener> {
    const { listen, mode } = this.#settings;
    const { dataFolder, onProblem } = this.#options;
    const address = readListenAddress(listen);
    if (address === undefined) throw new TautlineError("internal.unexpected");
    const isUnix = address.kind === "unix";
    return openLocalListener({
      forward: this.#name,
      address: isUnix ? { kind: "unix", path: resolve(dataFolder, address.path) } : address,
      mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
      onConnection: (plain) => {
        const carried = carryConnection(plain, this.#streamOptions);
        this.#carried.add(carried);
        void carried.finally(() => this.#carried.delete(carried));
      },
      onProblem: (error) => {
        if (!signal.aborted) onProblem(error);
      },
    });
  }

  get #streamOptions(): StreamOptions {
    const { pool, openTimeoutMs, onProblem } = this.#options;
    return {
      forward: this.#name,
      settings: this.#settings,
      pool,
      counters: this.#counters,
      openTimeoutMs,
      signal: this.#cutting.signal,
      onProblem,
    };
  }
}
