import { createBackoff } from "@tautline/link";
import { toTautlineError, type ServerToAgent } from "@tautline/protocol";
import { IdentityKeeper } from "./identity-keeper.ts";
import { joinCentral, mayJoinLater, renewLapsed } from "./join-central.ts";
import { askedWaitMs } from "./server-word.ts";
import { createSelf, type SimulatedIdentity } from "./simulated-identity.ts";
import { openSwarmLink, type SwarmLink, type SwarmLinkEnd } from "./swarm-link.ts";
import type { SavedAgent } from "./swarm-state.ts";
import { pause, type SwarmWorld } from "./swarm-world.ts";

/** A link that was answered for this long was a good one: the next breaks starts waiting anew, as in the agent. */
const STABLE_MS = 10_000;

/** One agent of a swarm: it joins or is resumed, keeps a link, reports, renews, and comes back, until it is stopped. */
export class SimulatedAgent {
  /** Resolves when it has joined, was refused for good, or was stopped; for a resumed one when its first try is over. */
  readonly settled: Promise<void>;
  readonly #world: SwarmWorld;
  readonly #index: number;
  readonly #saved: SavedAgent | undefined;
  readonly #stop = new AbortController();
  readonly #settle: () => void;
  #sequence: number;
  #keeper: IdentityKeeper | undefined;
  #link: SwarmLink | undefined;
  /** A link under a new identity that is to take over; undefined inside once it came to nothing. */
  #successor: Promise<SwarmLink | undefined> | undefined;
  #alarm: NodeJS.Timeout | undefined;
  #isKnown = false;
  /** When the last answered link broke; undefined before the first one. */
  #lostAtMs: number | undefined;
  #redialled: PromiseWithResolvers<void> | undefined;

  /**
   * @param world the swarm's
   * @param index its number, from 1
   * @param saved what an earlier run left of it
   */
  constructor(world: SwarmWorld, index: number, saved?: SavedAgent) {
    this.#world = world;
    this.#index = index;
    this.#saved = saved;
    this.#sequence = saved?.sequence ?? 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
  }

  /** Runs until it is stopped or refused for good; never rejects. */
  async run(): Promise<void> {
    const beganMs = this.#world.now();
    const identity = this.#saved?.identity ?? (await this.#join());
    if (identity !== undefined) {
      this.#keeper = new IdentityKeeper(this.#world, identity, this.#saved?.newestCounter);
      await this.#keepLink(this.#keeper, beganMs);
      this.#keeper.close();
    }
    this.#settle();
    this.#redialled?.resolve();
  }

  /** What a later run needs to be this agent; undefined if it never joined. */
  save(): SavedAgent | undefined {
    if (this.#keeper === undefined) return this.#saved;
    const { current, newestCounter } = this.#keeper;
    return { identity: current, newestCounter, sequence: this.#sequence };
  }

  /** Breaks the link and resolves when the agent has it back, or is stopped. */
  async redial(): Promise<void> {
    if (this.#link === undefined || this.#stop.signal.aborted) return;
    this.#redialled ??= Promise.withResolvers<void>();
    const { promise } = this.#redialled;
    this.#link.cut();
    await promise;
  }

  /** The pace has changed. */
  replan(): void {
    this.#link?.replan();
  }

  /** Says goodbye and ends. */
  stop(): void {
    this.#stop.abort();
    this.#link?.leave();
  }

  async #join(): Promise<SimulatedIdentity | undefined> {
    const { tally } = this.#world;
    const { signal } = this.#stop;
    const backoff = createBackoff(this.#waits);
    if (signal.aborted) return undefined;
    const self = createSelf(this.#index, this.#world);
    while (!signal.aborted) {
      try {
        return await joinCentral(this.#world, self, signal);
      } catch (error) {
        const ours = toTautlineError(error);
        if (signal.aborted) return undefined;
        tally.failed(ours.code);
        if (!mayJoinLater(ours)) {
          tally.lost();
          return undefined;
        }
        await pause(Math.max(backoff.next(), askedWaitMs(ours)), signal);
      }
    }
    return undefined;
  }

  async #keepLink(keeper: IdentityKeeper, beganMs: number): Promise<void> {
    const { tally } = this.#world;
    const { signal } = this.#stop;
    const backoff = createBackoff(this.#waits);
    while (!signal.aborted) {
      const end = await this.#oneLink(keeper, beganMs);
      clearTimeout(this.#alarm);
      if (end.answeredForMs !== undefined) {
        tally.disconnected();
        this.#lostAtMs = this.#world.now();
      }
      if (end.error !== undefined && !signal.aborted) tally.failed(end.error.code);
      // It was cut to be dialled anew.
      if (end.error === undefined) continue;
      if (this.#saved !== undefined) this.#settle();
      if ((end.answeredForMs ?? 0) >= STABLE_MS) backoff.reset();
      const asked = Math.max(end.retryAfterMs, askedWaitMs(end.error));
      await pause(Math.max(backoff.next(), asked), signal);
    }
  }

  get #waits(): { readonly random: () => number; readonly capMs?: number } {
    const { random, longestWaitMs } = this.#world;
    return { random, ...(longestWaitMs === undefined ? {} : { capMs: longestWaitMs }) };
  }

  /** Follows a link, and each that takes over from it, to the end of the last. */
  async #oneLink(keeper: IdentityKeeper, beganMs: number): Promise<SwarmLinkEnd> {
    try {
      if (keeper.isLapsed) await this.#renewFirst(keeper);
      let link: SwarmLink | undefined = await this.#open(keeper, () => this.#connected(beganMs));
      for (;;) {
        this.#link = link;
        const last = link.identity;
        const end = await link.ended;
        link = await this.#successor;
        this.#successor = undefined;
        if (link !== undefined) continue;
        if (end.error !== undefined) keeper.linkEnded(end.error, last, end.answeredForMs);
        return end;
      }
    } catch (error) {
      return { answeredForMs: undefined, error: toTautlineError(error), retryAfterMs: 0 };
    } finally {
      this.#link = undefined;
    }
  }

  async #open(keeper: IdentityKeeper, onProven: () => void): Promise<SwarmLink> {
    const identity = keeper.forNextLink;
    const owner = {
      identity,
      nextSequence: () => (this.#sequence += 1),
      onConnected: () => {
        this.#noteProof(keeper, identity);
        onProven();
        this.#setAlarm(keeper);
      },
      onRenewal: (answer: ServerToAgent) => this.#receiveGrant(keeper, answer),
    };
    try {
      const link = await openSwarmLink(this.#world, owner, this.#stop.signal);
      if (this.#stop.signal.aborted) link.leave();
      return link;
    } catch (error) {
      keeper.failed(toTautlineError(error), identity);
      throw error;
    }
  }

  async #renewFirst(keeper: IdentityKeeper): Promise<void> {
    const next = keeper.begin();
    try {
      keeper.take(await renewLapsed(this.#world, keeper.current, next, this.#stop.signal));
      this.#world.tally.lapsed();
    } catch (error) {
      keeper.failed(toTautlineError(error));
      throw error;
    }
  }

  #receiveGrant(keeper: IdentityKeeper, answer: ServerToAgent): void {
    const old = this.#link;
    try {
      keeper.take(answer);
      if (old !== undefined) this.#successor = this.#moveOver(keeper, old);
    } catch (error) {
      this.#renewalFailed(keeper, error);
      old?.goOn();
    }
  }

  /** Opens a candidate under the new identity; the old link stays until central has answered it. */
  async #moveOver(keeper: IdentityKeeper, old: SwarmLink): Promise<SwarmLink | undefined> {
    const identity = keeper.forNextLink;
    try {
      const link = await this.#open(keeper, () => this.#connectedAgain());
      const proven = await Promise.race([link.answered, link.ended.then((end) => end.error)]);
      if (proven === true) {
        old.retire();
        this.#link = link;
        if (this.#stop.signal.aborted) link.leave();
        return link;
      }
      if (proven !== undefined && !this.#stop.signal.aborted) {
        keeper.failed(proven, identity);
        this.#world.tally.failed(proven.code);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#world.tally.failed(toTautlineError(error).code);
    }
    // What a stop cut short is no failure.
    if (!this.#stop.signal.aborted) this.#world.tally.renewalFailed();
    this.#setAlarm(keeper);
    old.goOn();
    return undefined;
  }

  #renewalFailed(keeper: IdentityKeeper, thrown: unknown): void {
    const error = toTautlineError(thrown);
    this.#world.tally.failed(error.code);
    this.#world.tally.renewalFailed();
    keeper.failed(error);
    this.#setAlarm(keeper);
  }

  #setAlarm(keeper: IdentityKeeper): void {
    clearTimeout(this.#alarm);
    if (this.#stop.signal.aborted) return;
    this.#alarm = setTimeout(() => {
      if (keeper.isDue) this.#link?.renew(keeper.begin());
      else this.#setAlarm(keeper);
    }, keeper.sleepMs);
  }

  #noteProof(keeper: IdentityKeeper, identity: SimulatedIdentity): void {
    if (!keeper.proven(identity)) return;
    const { ledger, now, onBroken } = this.#world;
    const { id, counter } = identity;
    ledger.append({ agent: id, renewal: Number(counter), atMs: now() }).catch(onBroken);
  }

  #connected(beganMs: number): void {
    const { tally, now } = this.#world;
    if (this.#isKnown) tally.reconnected(now() - (this.#lostAtMs ?? beganMs));
    else tally.joined(now() - beganMs);
    this.#isKnown = true;
    this.#settle();
    this.#connectedAgain();
  }

  #connectedAgain(): void {
    this.#redialled?.resolve();
    this.#redialled = undefined;
  }
}
