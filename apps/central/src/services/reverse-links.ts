import type { ForwardChannel } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import type { AgentCaller } from "../control/caller.ts";

/** A link that an agent dialled so that central may open streams on it. */
export interface ReverseLink {
  readonly caller: AgentCaller;
  /** At its opener's end. */
  readonly channel: ForwardChannel;
}

/** The reverse links of this process, by agent. */
export interface ReverseLinks {
  /** Takes a link in, until it is closed; one more than an agent may have ready is closed with forward.too_many. */
  add(link: ReverseLink): void;
  /**
   * Gives a link of an agent on which no stream runs; where none is ready it waits a moment, for an agent dials another as soon as
   * one is taken.
   *
   * @param signal calls it off
   * @throws forward.agent_away, the signal's reason
   */
  take(agentId: string, signal: AbortSignal): Promise<ReverseLink>;
  /** Takes a link back after its stream; one on which no other can follow is forgotten. */
  giveBack(link: ReverseLink): void;
}

/** An agent of ours keeps two or three ready; a hostile one must not pile them up. */
export const MOST_READY = 64;
/** A new link takes a handshake, and an agent far away some round trips. */
const LINK_WAIT_MS = 3_000;

interface Waiter {
  readonly resolve: (link: ReverseLink) => void;
}

/**
 * Makes the empty table.
 *
 * @param options `waitMs`: how long `take` waits for a link, 3 s unless told
 */
export function createReverseLinks({ waitMs = LINK_WAIT_MS } = {}): ReverseLinks {
  return new Links(waitMs);
}

class Links implements ReverseLinks {
  readonly #waitMs: number;
  readonly #ready = new Map<string, Set<ReverseLink>>();
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  add(link: ReverseLink): void {
    this.#offer(link);
    void link.channel.closed.then(() => this.#forget(link));
  }

  giveBack(link: ReverseLink): void {
    this.#offer(link);
  }

  async take(agentId: string, signal: AbortSignal): Promise<ReverseLink> {
    signal.throwIfAborted();
    for (const link of this.#ready.get(agentId) ?? []) {
      this.#forget(link);
      if (link.channel.state === "idle") return link;
    }
    return this.#wait(agentId, signal);
  }

  #wait(agentId: string, signal: AbortSignal): Promise<ReverseLink> {
    const { promise, resolve, reject } = Promise.withResolvers<ReverseLink>();
    const waiters = this.#waiters.get(agentId) ?? new Set();
    const leave = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      waiters.delete(waiter);
      if (waiters.size === 0) this.#waiters.delete(agentId);
    };
    const waiter: Waiter = {
      resolve: (link) => {
        leave();
        resolve(link);
      },
    };
    const cancel = (): void => {
      leave();
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      leave();
      reject(new TautlineError("forward.agent_away", { detail: { id: agentId } }));
    }, this.#waitMs);
    signal.addEventListener("abort", cancel, { once: true });
    waiters.add(waiter);
    this.#waiters.set(agentId, waiters);
    return promise;
  }

  #offer(link: ReverseLink): void {
    if (link.channel.state !== "idle") return;
    const { id } = link.caller.agent;
    const [waiter] = this.#waiters.get(id) ?? [];
    if (waiter !== undefined) return waiter.resolve(link);
    const ready = this.#ready.get(id) ?? new Set();
    if (ready.size >= MOST_READY) {
      const detail = { what: "links ready for its services", limit: MOST_READY };
      return link.channel.announceClose(new TautlineError("forward.too_many", { detail }));
    }
    ready.add(link);
    this.#ready.set(id, ready);
  }

  #forget(link: ReverseLink): void {
    const { id } = link.caller.agent;
    const ready = this.#ready.get(id);
    ready?.delete(link);
    if (ready?.size === 0) this.#ready.delete(id);
  }
}
