import { createBackoff, type ForwardOpening } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { AgentWorld } from "../agent-world.ts";
import type { AgentForwardsOptions } from "../forwards/agent-forwards.ts";
import { createForwardCounters, type ForwardCounts } from "../forwards/forward-counters.ts";
import { dialForwardLink, type ForwardLink } from "../forwards/forward-link.ts";
import { DRAIN_MS } from "../forwards/forward-service.ts";
import { createReverseKeeper, type ReverseKeeper } from "./reverse-keeper.ts";
import { type ListedService, serveService } from "./service-stream.ts";

/** One may be opened at once, and another while the next is dialled. */
const WARM = 2;
/** Beyond the streams that the services may have: those that are ready, and some whose ends cross. */
const SPARE = 16;

/** One service as `agent status` shows it. */
export interface ServiceStatus extends ForwardCounts {
  readonly name: string;
  readonly to: string;
  /** Central has a link on which it can open it. */
  readonly reachable: boolean;
}

/** The services of an agent: nothing can be opened before it is started. */
export interface AgentServices {
  /** Begins to keep links ready, where it does not yet; called at each first answer of central's. */
  start(): void;
  /** A new identity is in use: links that are ready are dialled anew under it. */
  renew(): void;
  /** Lets central open nothing more, lets what is carried come to its end for a while, then resets it. */
  stop(): Promise<void>;
  /** Waits for something, and then until all that is carried has come to its end or was cut. */
  stopAfter(work: Promise<unknown>): Promise<void>;
  readonly status: readonly ServiceStatus[];
}

/**
 * Makes an agent's services, with links of their own: on these it is central that opens streams.
 *
 * @param world settings, folder, log and time of the agent
 * @param options way to central
 */
export function createAgentServices(
  world: AgentWorld,
  options: AgentForwardsOptions,
): AgentServices {
  const made = new Services(world, options);
  options.signal.addEventListener("abort", () => void made.stop(), { once: true });
  return made;
}

class Services implements AgentServices {
  readonly #world: AgentWorld;
  readonly #options: AgentForwardsOptions;
  readonly #listed: ReadonlyMap<string, ListedService>;
  readonly #keeper: ReverseKeeper;
  readonly #cutting = new AbortController();
  readonly #carried = new Set<Promise<void>>();
  #stopped: Promise<void> | undefined;

  constructor(world: AgentWorld, options: AgentForwardsOptions) {
    const { config, clock, random } = world;
    this.#world = world;
    this.#options = options;
    this.#listed = new Map(
      Object.entries(config.services).map(([name, settings]) => [
        name,
        { settings, counters: createForwardCounters() },
      ]),
    );
    const listed = [...this.#listed.values()];
    const streams = listed.reduce((sum, { settings }) => sum + settings.maxStreams, 0);
    const timeoutMs = config.central.answerTimeout;
    const dialling = { ...options.way, timeoutMs, elapsed: clock.elapsed };
    this.#keeper = createReverseKeeper({
      dial: (calledOff) => dialForwardLink({ ...dialling, direction: "in" }, calledOff),
      serve: (link, opening) => this.#serve(link, opening),
      warm: WARM,
      most: streams + SPARE,
      clock,
      backoff: createBackoff({ random }),
      onProblem: options.onProblem,
    });
  }

  get status(): readonly ServiceStatus[] {
    const reachable = this.#keeper.counts.ready > 0;
    return [...this.#listed].map(([name, { settings, counters }]) =>
      Object.assign({ name, to: settings.to, reachable }, counters),
    );
  }

  start(): void {
    if (this.#listed.size > 0 && !this.#options.signal.aborted) this.#keeper.start();
  }

  renew(): void {
    this.#keeper.renew();
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

  async #serve({ channel }: ForwardLink, opening: ForwardOpening): Promise<void> {
    const { log, folder } = this.#world;
    const work = serveService(channel, opening, {
      services: this.#listed,
      dataFolder: folder.path,
      signal: this.#cutting.signal,
      onProblem: this.#options.onProblem,
      onOpened: (service, operator) =>
        log.info({ service, operator }, "a service is reached through central"),
    });
    this.#carried.add(work);
    await work;
    this.#carried.delete(work);
  }

  async #drain(): Promise<void> {
    this.#keeper.stop();
    const callOff = this.#world.clock.after(DRAIN_MS, () => {
      const detail = { forward: [...this.#listed.keys()].join(", ") };
      this.#cutting.abort(new TautlineError("agent.forward_stopping", { detail }));
    });
    while (this.#carried.size > 0) await Promise.all(this.#carried);
    callOff();
  }
}
