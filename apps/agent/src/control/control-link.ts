import type { Backoff } from "@tautline/link";
import { TautlineError, toTautlineError, type Level, type LinkEvidence } from "@tautline/protocol";
import { wait, type Clock } from "../clock.ts";
import { createAddressBook, type AddressAttempt, type AddressBook } from "./address-book.ts";
import type { MoveStart } from "./address-mover.ts";
import type { TimeQuestion } from "./central-clock.ts";
import type { Climb } from "./rescue.ts";
import { boundRetryAfter } from "./server-message.ts";
import {
  neverOpened,
  openSession,
  type OpenedSession,
  type SessionEnd,
  type SessionOptions,
} from "./session.ts";
import type { Dial, OpenTransport } from "./transport.ts";

/** A link that was answered for this long was a good one: the next breaks starts waiting anew. */
const STABLE_MS = 10_000;

/** What the control link is doing now, for the status document. */
export interface ControlStatus {
  readonly connected: boolean;
  readonly evidence: LinkEvidence | undefined;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly lastAnswerAtMs: number | undefined;
  /** How the last try at each address went. */
  readonly attempts: readonly AddressAttempt[];
}

/** Before there is a link. */
export const NOT_CONNECTED: ControlStatus = {
  connected: false,
  evidence: undefined,
  lastAnswerAtMs: undefined,
  attempts: [],
};

/** Who the agent is on one link, and at which level. */
export interface LinkIdentity {
  readonly dial: Dial;
  readonly openTransport: OpenTransport;
  /** Central answered the first message of the link. */
  onProven(address: string): void;
  /** Central gave no answer, or a refusal, to the first message of the link. */
  onUnproven(error: TautlineError, address: string): void;
}

/** What keeping a link to central needs. */
export interface ControlLinkOptions {
  readonly session: SessionOptions;
  /** Asked at each link, with the level where it is another one than that in use. */
  readonly identity: (level?: Level) => LinkIdentity;
  /** What must be done at an address before a link to it can be opened; what it throws counts as the link's failure. */
  readonly prepare?: (address: string, signal: AbortSignal, level?: Level) => Promise<void>;
  /** Asked after each round without an answer, with how its addresses failed: where else, and how much higher, to try at once. */
  readonly climbsAfter?: (failures: readonly TautlineError[]) => readonly Climb[];
  /** Asks central's time with each request. */
  readonly askTime?: (() => TimeQuestion) | undefined;
  /** Asked before each round; tried in this order, the one that answered last first. */
  readonly addresses: () => readonly string[];
  readonly backoff: Backoff;
  readonly clock: Clock;
}

/** Keeps one link to central: dials every address in turn, waits with jitter, and never gives up by itself. */
export interface ControlLink {
  readonly status: ControlStatus;
  /**
   * Runs until the signal aborts.
   *
   * @param signal aborts to say goodbye and stop
   * @param maxRounds stops after so many rounds through all addresses without an answer; never by default
   * @returns why the last round failed; undefined if the signal ended it
   */
  run(signal: AbortSignal, maxRounds?: number): Promise<TautlineError | undefined>;
  /** Tells the news now instead of at the next heartbeat. */
  wake(): void;
  /** Opens a second link under the identity that is asked for now and goes over to it; the first stays until it is open. */
  moveOver(): void;
  /** The same at the first of other addresses where a link can be opened, and at another level if one is given. */
  moveTo(addresses: readonly string[], level?: Level): Promise<MoveStart>;
}

/**
 * Makes the control link of an agent that has an identity.
 *
 * @param options session and identities to use; an identity's dial alone decides on the level
 */
export function createControlLink(options: ControlLinkOptions): ControlLink {
  const { clock, backoff } = options;
  const link = new LinkKeeper(options);
  return {
    get status() {
      return link.status;
    },
    wake: () => link.wake(),
    moveOver: () => link.moveOver(),
    moveTo: (addresses, level) => link.moveTo(addresses, level),
    async run(signal, maxRounds = Number.POSITIVE_INFINITY) {
      for (let round = 1; ; round += 1) {
        const end = await link.oneRound(signal);
        if (signal.aborted) return undefined;
        if ((end?.answeredForMs ?? 0) >= STABLE_MS) backoff.reset();
        if (round >= maxRounds) return end?.error;
        await wait(clock, Math.max(backoff.next(), waitAskedFor(end)), signal);
      }
    },
  };
}

/** A session with a transport that is open, and whom it will prove. */
interface Opened {
  readonly session: OpenedSession;
  readonly identity: LinkIdentity;
}

class LinkKeeper {
  readonly #options: ControlLinkOptions;
  readonly #book: AddressBook;
  #evidence: LinkEvidence | undefined;
  #lastAnswerAtMs: number | undefined;
  #current: { readonly opened: Opened; readonly signal: AbortSignal } | undefined;
  #successor: Promise<Opened | undefined> | undefined;

  constructor(options: ControlLinkOptions) {
    this.#options = options;
    this.#book = createAddressBook(options.clock.now);
  }

  get status(): ControlStatus {
    const evidence = this.#evidence;
    const { attempts } = this.#book;
    const lastAnswerAtMs = this.#lastAnswerAtMs;
    return { connected: evidence !== undefined, evidence, lastAnswerAtMs, attempts };
  }

  async oneRound(signal: AbortSignal): Promise<SessionEnd | undefined> {
    const failures: TautlineError[] = [];
    const addresses = this.#book.order(this.#options.addresses());
    const end = await this.#firstAnswer(addresses, signal, failures);
    if (end?.answeredForMs !== undefined || signal.aborted) return end;
    for (const climb of this.#options.climbsAfter?.(failures) ?? []) {
      const higher = await this.#firstAnswer(climb.addresses, signal, [], climb.level);
      if (higher?.answeredForMs !== undefined || signal.aborted) return higher;
    }
    return end;
  }

  /** @param failures takes how the addresses failed */
  async #firstAnswer(
    addresses: readonly string[],
    signal: AbortSignal,
    failures: TautlineError[],
    level?: Level,
  ): Promise<SessionEnd | undefined> {
    let end: SessionEnd | undefined;
    for (const address of addresses) {
      if (signal.aborted) return end;
      end = await this.#atAddress(address, signal, level);
      const { error, answeredForMs } = end;
      if (error !== undefined) this.#options.session.onProblem(error);
      if (answeredForMs !== undefined) return end;
      // What people read of an address is how it went at the level that is meant.
      if (level === undefined) this.#book.note(address, error);
      if (error !== undefined) failures.push(error);
    }
    return end;
  }

  wake(): void {
    this.#current?.opened.session.wake();
  }

  moveOver(): void {
    const { address } = this.#current?.opened.session ?? {};
    if (address === undefined) return;
    void this.#moveOverAt(address);
  }

  async #moveOverAt(address: string): Promise<void> {
    const start = await this.moveTo([address]);
    if (typeof start === "object") this.#options.session.onProblem(start);
  }

  async moveTo(addresses: readonly string[], level?: Level): Promise<MoveStart> {
    const isAnswered = this.#evidence !== undefined;
    if (this.#current === undefined || !isAnswered || this.#successor !== undefined) return "busy";
    const { opened, signal } = this.#current;
    const opening = this.#openFirst(addresses, signal, level);
    const successor = opening.then(
      (next) => next,
      () => undefined,
    );
    this.#successor = successor;
    try {
      await opening;
      opened.session.retire();
      return "opened";
    } catch (error) {
      // The link that stands may try again.
      if (this.#successor === successor) this.#successor = undefined;
      return toTautlineError(error);
    }
  }

  /** @throws why none opened, each address with its reason where there are several */
  async #openFirst(
    addresses: readonly string[],
    signal: AbortSignal,
    level: Level | undefined,
  ): Promise<Opened> {
    const failures: TautlineError[] = [];
    for (const address of addresses) {
      try {
        return await this.#open(address, signal, level);
      } catch (error) {
        failures.push(toTautlineError(error));
        if (level === undefined) this.#book.note(address, failures.at(-1));
      }
      if (signal.aborted) break;
    }
    const [first, ...others] = failures;
    if (first !== undefined && others.length === 0) throw first;
    const reason = failures.map(({ message }) => message).join(" ");
    throw new TautlineError("agent.addresses_unreachable", { detail: { reason } });
  }

  async #atAddress(address: string, signal: AbortSignal, level?: Level): Promise<SessionEnd> {
    let opened: Opened | undefined;
    try {
      await this.#options.prepare?.(address, signal, level);
      opened = await this.#open(address, signal, level);
    } catch (error) {
      return neverOpened(error);
    }
    for (;;) {
      const end = await this.#follow(opened, signal);
      opened = await this.#successor;
      this.#successor = undefined;
      if (opened === undefined) return end;
    }
  }

  async #follow(opened: Opened, signal: AbortSignal): Promise<SessionEnd> {
    this.#current = { opened, signal };
    const end = await opened.session.run(signal);
    this.#current = undefined;
    this.#evidence = undefined;
    if (end.answeredForMs === undefined && end.error !== undefined) {
      opened.identity.onUnproven(end.error, opened.session.address);
    }
    return end;
  }

  async #open(address: string, signal: AbortSignal, level?: Level): Promise<Opened> {
    const { session: options, identity: current, askTime } = this.#options;
    const identity = current(level);
    // opamp-spec 0.18, HTTP transport: lets a proxy or a log tell agents apart without reading messages.
    const headers = { "OpAMP-Instance-UID": options.agentId };
    const { dial, openTransport } = identity;
    try {
      const session = await openSession(
        (events) => openTransport({ address, dial, events, signal, headers, askTime }),
        this.#observed(identity),
      );
      return { session, identity };
    } catch (error) {
      identity.onUnproven(toTautlineError(error), address);
      throw error;
    }
  }

  #observed(identity: LinkIdentity): SessionOptions {
    const { session: options, clock } = this.#options;
    return {
      ...options,
      onAnswered: (address, proven) => {
        this.#evidence = proven;
        this.#book.note(address);
        identity.onProven(address);
        options.onAnswered(address, proven);
      },
      onAnswer: () => {
        this.#lastAnswerAtMs = clock.now();
        options.onAnswer();
      },
    };
  }
}

function waitAskedFor(end: SessionEnd | undefined): number {
  const seconds = end?.error?.detail["retryAfterSeconds"];
  const byHttp = typeof seconds === "number" ? boundRetryAfter(seconds * 1000) : 0;
  return Math.max(byHttp, end?.retryAfterMs ?? 0);
}
