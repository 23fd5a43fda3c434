import { createBackoff } from "@tautline/link";
import {
  isLevelRefusal,
  TautlineError,
  toTautlineError,
  type Level,
  type ServerToAgent,
} from "@tautline/protocol";
import { IdentityKeeper } from "./identity-keeper.ts";
import { renewLapsed } from "./join-central.ts";
import { joinInTime, waitsOf } from "./join-in-time.ts";
import { LevelKeeper, receiptOf, type LevelMove } from "./level-keeper.ts";
import type { LoopbackTarget } from "./loopback-target.ts";
import { askedWaitMs } from "./server-word.ts";
import type { SimulatedIdentity } from "./simulated-identity.ts";
import { openFirst, openSuccessor } from "./successor.ts";
import { openSwarmLink, SwarmLink, type SwarmLinkEnd } from "./swarm-link.ts";
import type { SavedAgent } from "./swarm-state.ts";
import { pause, type SwarmWorld } from "./swarm-world.ts";

/** A link that was answered for this long was a good one: the next breaks starts waiting anew, as in the agent. */
const STABLE_MS = 10_000;

/** At which level a link is dialled, and where. */
interface LinkWay {
  readonly level: Level;
  readonly target: LoopbackTarget;
}

/** One agent of a swarm: it joins or is resumed, keeps a link, reports, renews, and comes back, until it is stopped. */
export class SimulatedAgent {
  /** Resolves when it has joined, was refused for good, or was stopped; for a resumed one when its first try is over. */
  readonly settled: Promise<void>;
  readonly #world: SwarmWorld;
  readonly #index: number;
  readonly #saved: SavedAgent | undefined;
  readonly #levels: LevelKeeper;
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
    const { levels, tally } = world;
    this.#levels = new LevelKeeper(
      world,
      levels[(index - 1) % levels.length] ?? "mtls",
      saved?.level,
    );
    tally.begins(this.#levels.inUse);
    this.#sequence = saved?.sequence ?? 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
  }

  /** Runs until it is stopped or refused for good; never rejects. */
  async run(): Promise<void> {
    const beganMs = this.#world.now();
    const identity =
      this.#saved?.identity ?? (await joinInTime(this.#world, this.#index, this.#stop.signal));
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
    const { saved: level } = this.#levels;
    return { identity: current, newestCounter, sequence: this.#sequence, level };
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

  async #keepLink(keeper: IdentityKeeper, beganMs: number): Promise<void> {
    const { tally } = this.#world;
    const { signal } = this.#stop;
    const backoff = createBackoff(waitsOf(this.#world));
    while (!signal.aborted) {
      const end = await this.#oneLink(keeper, beganMs);
      clearTimeout(this.#alarm);
      if (end.answeredForMs !== undefined) {
        tally.disconnected();
        this.#lostAtMs = this.#world.now();
      }
      if (end.error !== undefined && !signal.aborted) {
        tally.failed(end.error.code);
        if (end.answeredForMs === undefined || isLevelRefusal(end.error))
          this.#levels.unanswered(end.error);
      }
      // It was cut to be dialled anew.
      if (end.error === undefined) continue;
      if (this.#saved !== undefined) this.#settle();
      if ((end.answeredForMs ?? 0) >= STABLE_MS) backoff.reset();
      const asked = Math.max(end.retryAfterMs, askedWaitMs(end.error));
      await pause(Math.max(backoff.next(), asked), signal);
    }
  }

  /** Follows a link, and each that takes over from it, to the end of the last. */
  async #oneLink(keeper: IdentityKeeper, beganMs: number): Promise<SwarmLinkEnd> {
    try {
      if (keeper.isLapsed) await this.#renewFirst(keeper);
      let link: SwarmLink | undefined = await this.#open(
        keeper,
        this.#wayAt(this.#levels.forNextLink),
        () => this.#connected(beganMs),
      );
      for (;;) {
        this.#link = link;
        const last = link.identity;
        const end = await link.ended;
        link = await this.#successor;
        this.#successor = undefined;
        if (link !== undefined) continue;
        if (end.error !== undefined && !isLevelRefusal(end.error))
          keeper.linkEnded(end.error, last, end.answeredForMs);
        return end;
      }
    } catch (error) {
      return { answeredForMs: undefined, error: toTautlineError(error), retryAfterMs: 0 };
    } finally {
      this.#link = undefined;
    }
  }

  #wayAt(level: Level): LinkWay {
    return { level, target: this.#levels.targetOf(level) };
  }

  async #open(keeper: IdentityKeeper, way: LinkWay, onProven: () => void): Promise<SwarmLink> {
    const identity = keeper.forNextLink;
    const owner = {
      identity,
      ...way,
      nextSequence: () => (this.#sequence += 1),
      onConnected: () => {
        this.#levels.proven(identity.id, way.level, way.target);
        this.#noteProof(keeper, identity);
        onProven();
        this.#setAlarm(keeper);
      },
      onRenewal: (answer: ServerToAgent) => this.#receiveGrant(keeper, answer),
      onInstruction: (envelope: Uint8Array) => this.#obey(keeper, envelope),
    };
    try {
      const link = await openSwarmLink(this.#world, owner, this.#stop.signal);
      if (this.#stop.signal.aborted) link.leave();
      return link;
    } catch (error) {
      const ours = toTautlineError(error);
      if (!isLevelRefusal(ours)) keeper.failed(ours, identity);
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

  /** Nothing binds a request to a plaintext link, so it is made over one at mtls, as an agent does. */
  async #renewApart(keeper: IdentityKeeper, old: SwarmLink): Promise<void> {
    const isOver = await Promise.race([old.hold(), old.ended.then(() => true)]);
    if (isOver === true) return;
    try {
      const next = keeper.begin();
      const { signal } = this.#stop;
      this.#receiveGrant(keeper, await renewLapsed(this.#world, keeper.current, next, signal));
    } catch (error) {
      this.#renewalFailed(keeper, error);
      old.goOn();
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
    const way = this.#wayAt(this.#levels.inUse);
    const opened = await openSuccessor(old, () =>
      this.#open(keeper, way, () => this.#connectedAgain()),
    );
    if (opened instanceof SwarmLink) return this.#tookOver(opened);
    if (!this.#stop.signal.aborted) {
      // A failed dial was counted for the identity where it was made.
      if (opened !== undefined) this.#world.tally.failed(opened.code);
      if (opened !== undefined && !isLevelRefusal(opened)) keeper.failed(opened, identity);
      // What a stop cut short is no failure.
      this.#world.tally.renewalFailed();
    }
    this.#setAlarm(keeper);
    old.goOn();
    return undefined;
  }

  #tookOver(link: SwarmLink): SwarmLink {
    this.#link = link;
    if (this.#stop.signal.aborted) link.leave();
    return link;
  }

  /** An instruction came over the link. One that comes while another link is to take over is passed over: central offers it again. */
  #obey(keeper: IdentityKeeper, envelope: Uint8Array): void {
    const link = this.#link;
    if (link === undefined || this.#successor !== undefined || this.#stop.signal.aborted) return;
    const told = this.#levels.receive(envelope, keeper.current);
    if ("code" in told) link.tell(told);
    else this.#successor = this.#climbInTurn(keeper, link, told);
  }

  async #climbInTurn(
    keeper: IdentityKeeper,
    old: SwarmLink,
    move: LevelMove,
  ): Promise<SwarmLink | undefined> {
    const { climbing } = this.#world;
    await climbing.take();
    try {
      const link = await this.#climb(keeper, old, move);
      // The next order may come; whoever waits for this one has it in hand.
      if (link === undefined) this.#successor = undefined;
      return link;
    } finally {
      climbing.give();
    }
  }

  /** Opens a candidate at the ordered level; the old link, and its level, stay in use until central has answered it. */
  async #climb(
    keeper: IdentityKeeper,
    old: SwarmLink,
    move: LevelMove,
  ): Promise<SwarmLink | undefined> {
    const isOver = await Promise.race([old.hold(), old.ended.then(() => true)]);
    const ways = move.targets.map((target) => () => {
      const way = { level: move.level, target };
      return this.#open(keeper, way, () => this.#connectedAgain());
    });
    const opened = await openFirst(old, ways, this.#stop.signal);
    if (opened instanceof SwarmLink) {
      opened.tell(receiptOf(move));
      return this.#tookOver(opened);
    }
    if (isOver === true || opened === undefined || this.#stop.signal.aborted) {
      old.goOn();
      return undefined;
    }
    this.#world.tally.failed(opened.code);
    const { level } = move;
    const detail = { level, reason: opened.message };
    old.tell(receiptOf(move, new TautlineError("agent.level_unreachable", { detail })));
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
      if (!keeper.isDue) this.#setAlarm(keeper);
      else if (this.#link?.level === "plaintext") void this.#renewApart(keeper, this.#link);
      else this.#link?.renew(keeper.begin());
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
