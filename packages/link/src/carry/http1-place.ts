import { TautlineError } from "@tautline/protocol";
import { Http1Upstream } from "./http1-upstream.ts";
import type { KeptPlace } from "./kept-place.ts";
import type { Leg, LegEvents, LegRequest } from "./leg.ts";
import { PlaceKeeper, type PlaceKeeperOptions } from "./place-keeper.ts";
import type { UpstreamState } from "./upstreams.ts";

/** What a place of HTTP/1.1 needs besides. */
export interface Http1PlaceOptions extends Omit<PlaceKeeperOptions, "calls" | "onRetry"> {
  readonly idleMs: number;
}

/** A place that is spoken to by HTTP/1.1: a connection a call, kept for the next. */
export class Http1Place implements KeptPlace {
  readonly #keeper: PlaceKeeper;
  readonly #upstream: Http1Upstream;
  #isStopped = false;
  #onIdle: (() => void) | undefined;

  constructor(options: Http1PlaceOptions) {
    this.#keeper = new PlaceKeeper({
      ...options,
      calls: () => this.#upstream.calls,
      onRetry: () => void this.connect().catch(() => {}),
    });
    this.#upstream = new Http1Upstream({
      place: options.place,
      idleMs: options.idleMs,
      dial: () => this.#keeper.dial((socket) => Promise.resolve(socket)),
      onLegOver: () => {
        if (this.#upstream.calls === 0) this.#onIdle?.();
      },
    });
  }

  get state(): UpstreamState {
    return this.#keeper.state;
  }

  get isOut(): boolean {
    return this.#keeper.isOut;
  }

  open(request: LegRequest, events: LegEvents): Leg | undefined {
    // Whether it works is known once it was tried.
    if (this.#keeper.state.state !== "ready") return undefined;
    return this.#upstream.open(request, events);
  }

  async connect(): Promise<void> {
    if (this.#isStopped) throw new TautlineError("carry.stopping");
    const socket = await this.#keeper.dial((dialled) => Promise.resolve(dialled));
    socket.destroy();
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#keeper.stop();
    if (this.#upstream.calls > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      const timer = setTimeout(() => this.#upstream.destroy(), graceMs);
      await promise;
      clearTimeout(timer);
    }
    this.#upstream.destroy();
  }
}
