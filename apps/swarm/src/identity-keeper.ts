import { createBackoff, type Backoff } from "@tautline/link";
import { TautlineError, toTautlineError, type ServerToAgent } from "@tautline/protocol";
import { takeGrant } from "./grant.ts";
import {
  createSuccessor,
  type SimulatedIdentity,
  type SimulatedSelf,
} from "./simulated-identity.ts";
import type { SwarmWorld } from "./swarm-world.ts";

const FIRST_TRY_MS = 1_000;
const LONGEST_TRY_MS = 15 * 60_000;
/** What is left of a life is long enough for so many tries, as in the agent. */
const TRIES_LEFT = 20;
/** A clock that was set is noticed within this time, as in the agent. */
const LONGEST_SLEEP_MS = 60_000;

/** Codes by which central says that a certificate has expired by its clock. */
const EXPIRED = new Set(["admission.renew_only", "admission.certificate_expired"]);

interface NextIdentity {
  readonly self: SimulatedSelf;
  readonly granted?: SimulatedIdentity;
}

/** The renewals of one simulated agent: at half of a life, candidate link, proof, and only then the old identity is dropped. */
export class IdentityKeeper {
  readonly #world: SwarmWorld;
  #current: SimulatedIdentity;
  #next: NextIdentity | undefined;
  #newestCounter: bigint;
  #backoff: Backoff | undefined;
  #notBeforeMs = 0;
  #isExpiredAtCentral = false;

  /**
   * @param world the swarm's
   * @param identity in use
   * @param newestCounter newest number ever asked for, of an agent that is resumed
   */
  constructor(world: SwarmWorld, identity: SimulatedIdentity, newestCounter = identity.counter) {
    this.#world = world;
    this.#current = identity;
    this.#newestCounter = newestCounter;
  }

  /** Newest number ever asked for: no number is asked for twice with other keys. */
  get newestCounter(): bigint {
    return this.#newestCounter;
  }

  /** The identity that central has proven last. */
  get current(): SimulatedIdentity {
    return this.#current;
  }

  /** The identity to open a link under: one that was granted and still has to be proven comes first. */
  get forNextLink(): SimulatedIdentity {
    return this.#next?.granted ?? this.#current;
  }

  /** Whether nothing but a renewal can be asked for before a link is opened. */
  get isLapsed(): boolean {
    const nowMs = this.#world.now();
    const granted = this.#next?.granted;
    if (granted !== undefined && granted.endsMs > nowMs) return false;
    return this.#isExpiredAtCentral || this.#current.endsMs <= nowMs;
  }

  /** Milliseconds until something is to be done about the identity, or the clock is to be looked at again. */
  get sleepMs(): number {
    return Math.min(LONGEST_SLEEP_MS, Math.max(0, this.#dueMs() - this.#world.now()));
  }

  get isDue(): boolean {
    return this.#dueMs() <= this.#world.now();
  }

  /** Whom to ask for: asked again, the same number with the same keys. A grant that ended unproven is given up. */
  begin(): SimulatedSelf {
    const granted = this.#next?.granted;
    if (this.#next !== undefined && (granted === undefined || granted.endsMs > this.#world.now())) {
      return this.#next.self;
    }
    this.#newestCounter += 1n;
    const self = createSuccessor(this.#current, this.#newestCounter);
    this.#next = { self };
    return self;
  }

  /**
   * Checks and keeps a grant.
   *
   * @throws agent.no_grant, agent.grant_refused
   */
  take(message: ServerToAgent): void {
    const self = this.#next?.self;
    const { token, target, now, random } = this.#world;
    const { address } = target;
    if (self === undefined) throw new TautlineError("agent.no_grant", { detail: { address } });
    const context = { token, address, nowMs: now(), random };
    try {
      this.#next = { self, granted: takeGrant(message, self, context) };
    } catch (error) {
      if (toTautlineError(error).code === "agent.grant_refused") this.#next = undefined;
      throw error;
    }
    this.#isExpiredAtCentral = false;
  }

  /**
   * Central answered the first message of a link.
   *
   * @param identity of the link
   * @returns whether that put a new identity into use
   */
  proven(identity: SimulatedIdentity): boolean {
    if (this.#next?.granted !== identity) return false;
    const nowMs = this.#world.now();
    this.#world.tally.renewed(Math.max(0, nowMs - this.#current.endsMs));
    this.#current = identity;
    this.#next = undefined;
    this.#backoff = undefined;
    this.#notBeforeMs = 0;
    return true;
  }

  /**
   * A renewal, or the proof of one, did not go through: it is tried again later.
   *
   * @param error why
   * @param identity of the link that was refused, if that was it
   */
  failed(error: TautlineError, identity?: SimulatedIdentity): void {
    if (EXPIRED.has(String(error.detail["code"]))) this.#isExpiredAtCentral = true;
    if (identity !== undefined && identity === this.#next?.granted && isRefusal(error)) {
      this.#next = undefined;
    }
    const nowMs = this.#world.now();
    const leftMs = this.#current.endsMs - nowMs;
    const capMs = leftMs > 0 ? Math.max(FIRST_TRY_MS, leftMs / TRIES_LEFT) : LONGEST_TRY_MS;
    const { random } = this.#world;
    this.#backoff ??= createBackoff({ firstMs: FIRST_TRY_MS, factor: 2, capMs, random });
    this.#notBeforeMs = nowMs + this.#backoff.next();
  }

  /**
   * A link is over.
   *
   * @param error why
   * @param identity of the link
   * @param answeredForMs undefined if central never answered over it
   */
  linkEnded(error: TautlineError, identity: SimulatedIdentity, answeredForMs?: number): void {
    const isExpired = EXPIRED.has(String(error.detail["code"]));
    if (isExpired || answeredForMs === undefined) this.failed(error, identity);
  }

  /** The run is over: a certificate that has ended counts as a gap up to now. */
  close(): void {
    const overdueMs = this.#world.now() - this.#current.endsMs;
    if (overdueMs > 0) this.#world.tally.gap(overdueMs);
  }

  #dueMs(): number {
    return Math.max(this.#current.renewAtMs, this.#notBeforeMs);
  }
}

/** Central, and not the network or a moment's load, refused the identity: as in the agent. */
function isRefusal({ code, detail }: TautlineError): boolean {
  if (EXPIRED.has(String(detail["code"]))) return false;
  if (code === "agent.refused") return true;
  const status = Number(detail["status"]);
  return code === "link.refused" && status >= 400 && status < 500 && status !== 429;
}
