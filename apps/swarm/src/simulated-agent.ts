import { createBackoff } from "@tautline/link";
import { toTautlineError } from "@tautline/protocol";
import { joinCentral, mayJoinLater } from "./join-central.ts";
import { askedWaitMs } from "./server-word.ts";
import { createSelf, type SimulatedIdentity } from "./simulated-identity.ts";
import { openSwarmLink, type SwarmLink, type SwarmLinkEnd } from "./swarm-link.ts";
import { pause, type SwarmWorld } from "./swarm-world.ts";

/** A link that was answered for this long was a good one: the next breaks starts waiting anew, as in the agent. */
const STABLE_MS = 10_000;

/** One agent of a swarm: it joins, keeps a link, reports, and comes back, until it is stopped. */
export class SimulatedAgent {
  /** Resolves when it has joined, was refused for good, or was stopped. */
  readonly settled: Promise<void>;
  readonly #world: SwarmWorld;
  readonly #index: number;
  readonly #stop = new AbortController();
  readonly #settle: () => void;
  #sequence = 0;
  #link: SwarmLink | undefined;
  /** When the last answered link broke; undefined before the first one. */
  #lostAtMs: number | undefined;
  #redialled: PromiseWithResolvers<void> | undefined;

  constructor(world: SwarmWorld, index: number) {
    this.#world = world;
    this.#index = index;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
  }

  /** Runs until it is stopped or refused for good; never rejects. */
  async run(): Promise<void> {
    const beganMs = this.#world.now();
    const identity = await this.#join();
    if (identity !== undefined) await this.#keepLink(identity, beganMs);
    this.#settle();
    this.#redialled?.resolve();
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
    const { tally, random } = this.#world;
    const { signal } = this.#stop;
    const backoff = createBackoff({ random });
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

  async #keepLink(identity: SimulatedIdentity, beganMs: number): Promise<void> {
    const { tally, random } = this.#world;
    const { signal } = this.#stop;
    const backoff = createBackoff({ random });
    while (!signal.aborted) {
      const end = await this.#oneLink(identity, beganMs);
      if (end.answeredForMs !== undefined) {
        tally.disconnected();
        this.#lostAtMs = this.#world.now();
      }
      if (end.error !== undefined && !signal.aborted) tally.failed(end.error.code);
      // It was cut to be dialled anew.
      if (end.error === undefined) continue;
      if ((end.answeredForMs ?? 0) >= STABLE_MS) backoff.reset();
      const asked = Math.max(end.retryAfterMs, askedWaitMs(end.error));
      await pause(Math.max(backoff.next(), asked), signal);
    }
  }

  async #oneLink(identity: SimulatedIdentity, beganMs: number): Promise<SwarmLinkEnd> {
    const owner = {
      identity,
      nextSequence: () => (this.#sequence += 1),
      onConnected: () => this.#connected(beganMs),
    };
    try {
      const link = await openSwarmLink(this.#world, owner, this.#stop.signal);
      this.#link = link;
      if (this.#stop.signal.aborted) link.leave();
      return await link.ended;
    } catch (error) {
      return { answeredForMs: undefined, error: toTautlineError(error), retryAfterMs: 0 };
    } finally {
      this.#link = undefined;
    }
  }

  #connected(beganMs: number): void {
    const { tally, now } = this.#world;
    if (this.#lostAtMs === undefined) tally.joined(now() - beganMs);
    else tally.reconnected(now() - this.#lostAtMs);
    this.#settle();
    this.#redialled?.resolve();
    this.#redialled = undefined;
  }
}
