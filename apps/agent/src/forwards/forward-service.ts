import type { ForwardSettings } from "./forward-settings.ts";
import { Forward, type ForwardStatus, type ForwardSurroundings } from "./one-forward.ts";

/** How long connections that are carried may go on when the agent stops. */
export const DRAIN_MS = 10_000;

/** Forwards by name. */
export type ForwardsByName = Readonly<Record<string, ForwardSettings>>;

/** What the forwards of an agent need. */
export interface ForwardServiceOptions extends ForwardSurroundings {
  /** Those of the settings file, which stay. */
  readonly forwards: ForwardsByName;
}

/** The forwards of an agent: nothing listens before it is started. */
export interface ForwardService {
  /** Begins to listen and to keep links ready, where it does not yet; called at each first answer of central's. */
  start(): void;
  /**
   * Sets what central asks for: what it asks for no more, or otherwise, listens no more and its connections are reset; what is as it was
   * goes on undisturbed.
   *
   * @param forwards all of them, permitted on this host
   */
  setRemote(forwards: ForwardsByName): void;
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
 * @param options those of its settings file, links, time
 */
export function createForwardService(options: ForwardServiceOptions): ForwardService {
  return new AgentForwards(options);
}

class AgentForwards implements ForwardService {
  readonly #options: ForwardServiceOptions;
  readonly #local: readonly Forward[];
  #remote: readonly Forward[] = [];
  /** Taken away, while the last of their connections ends. */
  readonly #leaving = new Set<Promise<void>>();
  #isAsked = false;
  #isListening = false;
  #stopped: Promise<void> | undefined;

  constructor(options: ForwardServiceOptions) {
    this.#options = options;
    this.#local = Object.entries(options.forwards).map(
      ([name, settings]) => new Forward({ name, origin: "local", settings }, options),
    );
  }

  get status(): readonly ForwardStatus[] {
    return this.#all.map((forward) => forward.status);
  }

  get #all(): readonly Forward[] {
    return [...this.#local, ...this.#remote];
  }

  start(): void {
    this.#isAsked = true;
    if (this.#isListening || this.#stopped !== undefined || this.#all.length === 0) return;
    this.#isListening = true;
    this.#options.pool.start();
    for (const forward of this.#all) void forward.listen();
  }

  setRemote(forwards: ForwardsByName): void {
    if (this.#stopped !== undefined) return;
    const before = this.#remote;
    this.#remote = Object.entries(forwards).map(([name, settings]) => {
      const same = before.find(({ what }) => isSame(what.name, what.settings, name, settings));
      return same ?? new Forward({ name, origin: "central", settings }, this.#options);
    });
    for (const forward of before) {
      if (!this.#remote.includes(forward)) this.#withdraw(forward);
    }
    if (!this.#isListening) {
      if (this.#isAsked) this.start();
      return;
    }
    for (const forward of this.#remote) {
      if (!before.includes(forward)) void forward.listen();
    }
  }

  renew(): void {
    this.#options.pool.renew();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#drain();
    return this.#stopped;
  }

  async stopAfter(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } finally {
      await this.stop();
    }
  }

  async #drain(): Promise<void> {
    for (const forward of this.#all) forward.close();
    this.#options.pool.stop();
    await Promise.all([...this.#all.map((forward) => forward.drain()), ...this.#leaving]);
  }

  #withdraw(forward: Forward): void {
    const leaving = forward.withdraw();
    this.#leaving.add(leaving);
    void leaving.finally(() => this.#leaving.delete(leaving));
  }
}

function isSame(
  name: string,
  settings: ForwardSettings,
  other: string,
  otherSettings: ForwardSettings,
): boolean {
  return name === other && JSON.stringify(settings) === JSON.stringify(otherSettings);
}
