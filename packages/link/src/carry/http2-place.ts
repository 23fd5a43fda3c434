import { TautlineError } from "@tautline/protocol";
import { Http2Upstream } from "./http2-upstream.ts";
import type { KeptPlace } from "./kept-place.ts";
import type { Leg, LegEvents, LegRequest } from "./leg.ts";
import { PlaceKeeper, type PlaceKeeperOptions } from "./place-keeper.ts";
import type { UpstreamState } from "./upstreams.ts";

/** A backend takes some hundred calls on a connection; with more it gets another, up to so many. */
const MOST_CONNECTIONS = 16;

/** What a place of HTTP/2 needs besides. */
export interface Http2PlaceOptions extends Omit<PlaceKeeperOptions, "calls" | "onRetry"> {
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly idleMs: number;
}

/** A place that is spoken to by HTTP/2. */
export class Http2Place implements KeptPlace {
  readonly #options: Http2PlaceOptions;
  readonly #keeper: PlaceKeeper;
  readonly #live = new Set<Http2Upstream>();
  #connecting: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: Http2PlaceOptions) {
    this.#options = options;
    this.#keeper = new PlaceKeeper({
      ...options,
      calls: () => this.#calls(),
      onRetry: () => void this.connect().catch(() => {}),
    });
  }

  get state(): UpstreamState {
    return this.#keeper.state;
  }

  get isOut(): boolean {
    return this.#keeper.isOut;
  }

  open(request: LegRequest, events: LegEvents): Leg | Promise<Leg> | undefined {
    const least = this.#leastBusy();
    if (least === undefined || least.hasRoom || this.#live.size >= MOST_CONNECTIONS) {
      return least?.open(request, events);
    }
    return this.#openAnew(request, events);
  }

  connect(): Promise<void> {
    this.#connecting ??= this.#dial().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#keeper.stop();
    for (const upstream of this.#live) upstream.drain();
    const reason = new TautlineError("carry.stopping");
    const timer = setTimeout(() => {
      for (const upstream of this.#live) upstream.destroy(reason);
    }, graceMs);
    await Promise.all([...this.#live].map(({ closed }) => closed));
    clearTimeout(timer);
  }

  /** A call that waited behind others on a full connection could wait for ever: theirs may be streams that stay. */
  async #openAnew(request: LegRequest, events: LegEvents): Promise<Leg> {
    let opened: Leg | Promise<Leg> | undefined;
    try {
      await this.connect();
      opened = this.open(request, events);
    } catch {
      opened = this.#leastBusy()?.open(request, events);
    }
    if (opened === undefined) throw this.#keeper.error ?? new TautlineError("carry.stopping");
    return opened;
  }

  #leastBusy(): Http2Upstream | undefined {
    let least: Http2Upstream | undefined;
    for (const upstream of this.#live) {
      if (upstream.isOver) continue;
      if (upstream.hasRoom) return upstream;
      if (least === undefined || upstream.calls < least.calls) least = upstream;
    }
    return least;
  }

  async #dial(): Promise<void> {
    if (this.#isStopped) throw new TautlineError("carry.stopping");
    await this.#keeper.dial(async (socket) => {
      const { place, keepaliveMs, keepaliveTimeoutMs, idleMs, now } = this.#options;
      const upstream: Http2Upstream = new Http2Upstream({
        place,
        socket,
        keepaliveMs,
        keepaliveTimeoutMs,
        idleMs,
        onOver: () => this.#over(),
        onWorn: () => void this.#replace(upstream),
        now,
      });
      await upstream.ready;
      this.#live.add(upstream);
      void upstream.closed.then(() => this.#live.delete(upstream));
    });
  }

  /** The calls that run on it end there; those to come go over another, if there can be one. */
  async #replace(worn: Http2Upstream): Promise<void> {
    try {
      await this.connect();
      worn.drain();
    } catch {
      // It goes on as long as the backend lets it; why there is no other stands in the place's state.
    }
  }

  #over(): void {
    if ([...this.#live].every(({ isOver }) => isOver)) this.#keeper.rest();
  }

  #calls(): number {
    let calls = 0;
    for (const upstream of this.#live) calls += upstream.calls;
    return calls;
  }
}
