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

/** Who asked for a forward: this host's own settings file, or central by signed settings. */
export type ForwardOrigin = "local" | "central";

/** One forward as `agent status` shows it. */
export interface ForwardStatus extends ForwardCounts {
  readonly name: string;
  readonly origin: ForwardOrigin;
  /** Where it listens, or is to listen: with the port it was given where any free one would do. */
  readonly listen: string;
  readonly listening: boolean;
}

/** What every forward of an agent needs. */
export interface ForwardSurroundings {
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

/** One forward, and who asked for it. */
export interface NamedForward {
  readonly name: string;
  readonly origin: ForwardOrigin;
  readonly settings: ForwardSettings;
}

/** One forward of an agent: where it listens, and what it carries. */
export class Forward {
  readonly what: NamedForward;
  readonly #around: ForwardSurroundings;
  readonly #counters = createForwardCounters();
  readonly #carried = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #cutting = new AbortController();
  readonly #backoff: Backoff;
  #listener: LocalListener | undefined;

  constructor(what: NamedForward, around: ForwardSurroundings) {
    this.what = what;
    this.#around = around;
    this.#backoff = createBackoff({ random: around.random });
  }

  get status(): ForwardStatus {
    const { name, origin, settings } = this.what;
    return {
      name,
      origin,
      listen:
        this.#listener === undefined
          ? settings.listen
          : formatListenAddress(this.#listener.address),
      listening: this.#listener !== undefined,
      ...this.#counters,
    };
  }

  /** Tries until it listens or is closed: what is in the way may go away. */
  async listen(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        this.#listener = await this.#open(signal);
      } catch (error) {
        this.#around.onProblem(toTautlineError(error));
      }
      if (this.#listener !== undefined) break;
      await wait(this.#around.clock, this.#backoff.next(), signal);
    }
    if (signal.aborted) this.close();
  }

  /** Listens no more; what it carries goes on. */
  close(): void {
    this.#closing.abort();
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Resolves when nothing is carried any more; what still is after a while is reset. */
  async drain(): Promise<void> {
    const { clock, drainMs } = this.#around;
    const detail = { forward: this.what.name };
    const stopping = new TautlineError("agent.forward_stopping", { detail });
    const callOff = clock.after(drainMs, () => this.#cutting.abort(stopping));
    await this.#untilNothingCarried();
    callOff();
  }

  /** Listens no more, and resets what it carries now, with the reason at both ends. */
  async withdraw(): Promise<void> {
    this.close();
    const detail = { forward: this.what.name };
    this.#cutting.abort(new TautlineError("agent.forward_withdrawn", { detail }));
    await this.#untilNothingCarried();
  }

  async #untilNothingCarried(): Promise<void> {
    while (this.#carried.size > 0) await Promise.all(this.#carried);
  }

  #open(signal: AbortSignal): Promise<LocalListener> {
    const { name, settings } = this.what;
    const { dataFolder, onProblem } = this.#around;
    const address = readListenAddress(settings.listen);
    if (address === undefined) throw new TautlineError("internal.unexpected");
    const isUnix = address.kind === "unix";
    return openLocalListener({
      forward: name,
      address: isUnix ? { kind: "unix", path: resolve(dataFolder, address.path) } : address,
      mode: settings.mode === undefined ? undefined : Number.parseInt(settings.mode, 8),
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
    const { pool, openTimeoutMs, onProblem } = this.#around;
    return {
      forward: this.what.name,
      settings: this.what.settings,
      pool,
      counters: this.#counters,
      openTimeoutMs,
      signal: this.#cutting.signal,
      onProblem,
    };
  }
}
