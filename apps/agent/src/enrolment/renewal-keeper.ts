import { serialOf } from "@tautline/pki";
import { planRenewal, toTautlineError, type TautlineError } from "@tautline/protocol";
import { X509Certificate } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { IdentityRequest } from "../control/next-message.ts";
import type { LocalAudit } from "../instructions/local-audit.ts";
import type { AgentKeys, CommittedState, NextIdentity } from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import { checkRenewalGrant, type GrantParts } from "./grant-check.ts";
import { endOf, lifeOf } from "./identity-life.ts";
import { renewalRequest } from "./renewal-request.ts";
import { isRefusal, retryWait, saysExpired } from "./renewal-retry.ts";

/** The longest sleep: a host that was suspended, or whose clock was set, looks again soon. */
const LONGEST_SLEEP_MS = 60_000;

/** What renewing needs of the agent around it. */
export interface RenewalOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  /** Plans: central's time as far as it is known. */
  readonly clock: Clock;
  /** Judges certificates: this host's own time, in milliseconds since 1970-01-01T00:00:00Z. */
  readonly hostNow: () => number;
  readonly random: () => number;
  readonly makeKeys: () => AgentKeys;
  /** Sends a request over the link that stands, as soon as there is one; undefined calls it off. */
  readonly ask: (request: IdentityRequest | undefined) => void;
  /** Goes over to a link under the identity granted. */
  readonly moveOver: () => void;
  /** The state changed, or a renewal failed: central is to be told. */
  readonly onChange: (failure?: TautlineError) => void;
  /** The next identity is in use. */
  readonly onRenewed: (state: CommittedState) => void;
  readonly onProblem: (error: TautlineError) => void;
}

/** Keeps an agent's identity young: asks for the next at half of its life, and takes it into use when it is proven. */
export interface RenewalKeeper {
  start(): void;
  stop(): void;
  /** Looks now whether something is due, as each first answer of a link is an occasion. */
  look(): void;
  /**
   * Takes a grant that came over a link.
   *
   * @returns false if this agent has not asked for one: it is then nobody's and must be refused
   */
  receive(parts: GrantParts): boolean;
  /**
   * Renews before a link is opened, where the identity in use has expired and opens nothing else.
   *
   * @param ask asks over a link that can only renew; its errors pass through
   * @throws agent.renewal_refused, and what `ask` throws
   */
  prepare(ask: (state: CommittedState, next: NextIdentity) => Promise<GrantParts>): Promise<void>;
  /**
   * The first message of a link was answered.
   *
   * @param nextCounter the next identity's number if the link was opened under it, else undefined
   */
  proven(nextCounter: bigint | undefined): void;
  /** It was not; `nextCounter` as for `proven`. */
  unproven(nextCounter: bigint | undefined, error: TautlineError): void;
}

/**
 * Makes the keeper of an agent's identity.
 *
 * @param options the agent around it
 */
export function createRenewalKeeper(options: RenewalOptions): RenewalKeeper {
  return new Keeper(options);
}

class Keeper implements RenewalKeeper {
  readonly #options: RenewalOptions;
  #tries = 0;
  #notBeforeMs = 0;
  #isExpiredAtCentral = false;
  #isRunning = false;
  #callOff = (): void => {};

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isRunning = true;
    this.#sleep();
  }

  stop(): void {
    this.#isRunning = false;
    this.#callOff();
  }

  look(): void {
    if (!this.#isRunning) return;
    try {
      this.#step();
    } catch (error) {
      this.#later();
      this.#options.onProblem(toTautlineError(error));
    }
    this.#sleep();
  }

  receive(parts: GrantParts): boolean {
    const state = this.#committed();
    const next = state?.renewal.next;
    if (state === undefined || next === undefined || next.granted !== undefined) return false;
    try {
      this.#take(parts, state, next);
      this.#options.moveOver();
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
    }
    this.#sleep();
    return true;
  }

  async prepare(
    ask: (state: CommittedState, next: NextIdentity) => Promise<GrantParts>,
  ): Promise<void> {
    const { clock, store } = this.#options;
    const granted = this.#committed()?.renewal.next?.granted;
    if (granted !== undefined) {
      if (endOf(granted.identity) > clock.now()) return;
      store.apply({ kind: "renewal_lapsed" });
    }
    let state = this.#committed();
    if (state === undefined || !this.#isExpired(state)) return;
    if (state.renewal.next === undefined) state = this.#begin() ?? state;
    const { next } = state.renewal;
    if (next !== undefined) this.#take(await ask(state, next), state, next);
  }

  proven(nextCounter: bigint | undefined): void {
    const { store, audit, onChange, onRenewed } = this.#options;
    const next = this.#granted(nextCounter);
    if (next === undefined) return;
    audit.append("renewal.proven", describe(next));
    store.apply({ kind: "renewal_proven" });
    this.#refresh();
    const renewed = this.#committed();
    if (renewed === undefined) return;
    onChange();
    onRenewed(renewed);
  }

  unproven(nextCounter: bigint | undefined, error: TautlineError): void {
    const { store, audit, onChange } = this.#options;
    const next = this.#granted(nextCounter);
    if (saysExpired(error)) {
      this.#isExpiredAtCentral = true;
      if (next !== undefined) store.apply({ kind: "renewal_lapsed" });
      return;
    }
    if (next === undefined || !isRefusal(error)) return;
    audit.append("renewal.failed", { ...describe(next), code: error.code, text: error.message });
    store.apply({ kind: "renewal_failed" });
    this.#later();
    onChange(error);
  }

  #granted(counter: bigint | undefined): NextIdentity | undefined {
    const next = this.#committed()?.renewal.next;
    return next?.counter === counter && next?.granted !== undefined ? next : undefined;
  }

  #step(): void {
    const state = this.#committed();
    if (state === undefined || this.#options.clock.now() < this.#dueMs(state)) return;
    const { next } = state.renewal;
    this.#later();
    // An expired identity is renewed before a link is opened; there is none to ask over.
    if (this.#isExpired(state)) return;
    if (next?.granted !== undefined) this.#options.moveOver();
    else this.#ask(next === undefined ? this.#begin() : state);
  }

  #ask(state: CommittedState | undefined): void {
    const next = state?.renewal.next;
    if (state !== undefined && next !== undefined) {
      this.#options.ask(renewalRequest(state.agentId, next));
    }
  }

  #begin(): CommittedState | undefined {
    const { store, makeKeys } = this.#options;
    store.apply({ kind: "renewal_began", keys: makeKeys() });
    return this.#committed();
  }

  /** One durable write: the grant is kept beside the identity in use, or, if it does not fit, its keys are gone. */
  #take(parts: GrantParts, state: CommittedState, next: NextIdentity): void {
    const { store, audit, clock, hostNow, random, onChange } = this.#options;
    const nowMs = clock.now();
    try {
      const identity = checkRenewalGrant(parts, state, next, hostNow());
      audit.append("renewal.granted", describe({ ...next, granted: { identity } }));
      const renewAtMs = planRenewal(lifeOf(identity, nowMs), random);
      store.apply({ kind: "renewal_granted", identity, renewAtMs });
      this.#refresh();
      // Its proof is under way now.
      this.#later();
      onChange();
    } catch (thrown) {
      const error = toTautlineError(thrown);
      if (error.code === "agent.renewal_refused") {
        audit.append("renewal.failed", {
          ...describe(next),
          code: error.code,
          text: error.message,
        });
        store.apply({ kind: "renewal_failed" });
        this.#options.ask(undefined);
        this.#later();
        onChange(error);
      }
      throw error;
    }
  }

  #isExpired({ identity }: CommittedState): boolean {
    return this.#isExpiredAtCentral || endOf(identity) <= this.#options.clock.now();
  }

  /** When the next step is due: the plan's time, or after a try a wait. */
  #dueMs({ renewal }: CommittedState): number {
    const planned = renewal.next === undefined ? renewal.renewAtMs : 0;
    return Math.max(planned, this.#notBeforeMs);
  }

  #later(): void {
    const { clock, random } = this.#options;
    const state = this.#committed();
    const leftMs = state === undefined ? 0 : endOf(state.identity) - clock.now();
    this.#tries += 1;
    this.#notBeforeMs = clock.now() + retryWait({ tries: this.#tries, leftMs }, random);
  }

  /** Something went forward: waits start anew, and nothing more is asked for. */
  #refresh(): void {
    this.#isExpiredAtCentral = false;
    this.#tries = 0;
    this.#notBeforeMs = 0;
    this.#options.ask(undefined);
  }

  #sleep(): void {
    this.#callOff();
    const state = this.#committed();
    if (!this.#isRunning) return;
    const { clock } = this.#options;
    const dueInMs = state === undefined ? LONGEST_SLEEP_MS : this.#dueMs(state) - clock.now();
    const delayMs = Math.min(LONGEST_SLEEP_MS, Math.max(0, dueInMs));
    this.#callOff = clock.after(delayMs, () => this.look());
  }

  #committed(): CommittedState | undefined {
    const { state } = this.#options.store;
    return state?.state === "committed" ? state : undefined;
  }
}

function describe(next: {
  readonly counter: bigint;
  readonly granted?: { readonly identity: CommittedState["identity"] };
}): Record<string, string> {
  const number = { number: next.counter.toString() };
  if (next.granted === undefined) return number;
  return { ...number, serial: serialOf(new X509Certificate(next.granted.identity.clientChainPem)) };
}
