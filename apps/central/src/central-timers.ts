import type { CentralIdentity } from "./authority/central-identity.ts";
import type { Fleet } from "./fleet-parts.ts";
import type { Forwards } from "./forwards/forwards.ts";
import type { KeyUses } from "./keys/key-uses.ts";
import type { Keys } from "./keys/keys.ts";
import type { CentralState, OpenedCentral } from "./opened-central.ts";
import type { OperatorStore } from "./operators/operator-store.ts";
import type { PolicyChanges } from "./policy/change-engine.ts";
import type { Receiver } from "./receiver/receiver.ts";
import type { ReopeningApi } from "./reopening/reopening-api.ts";
import { REOPENINGS_LOOK_MS } from "./reopening/reopenings.ts";
import type { Crls } from "./revocation/crl-list.ts";
import { LOOK_EVERY_MS, type RevocationWatch } from "./revocation/revocation-watch.ts";
import { retryWrite } from "./store/store-health.ts";
import { FILES_LOOK_MS, type ForeignFront } from "./tls-files/foreign-front.ts";
import { createTimers, type Timers } from "./timers.ts";

const CHANGE_TURN_MS = 200;
const FLUSH_MS = 2_000;
const FOLD_MS = 1_000;
const USE_MS = 60_000;
const POLL_CHECK_MS = 30_000;
const STORE_CHECK_MS = 2_000;
const RENEWAL_CHECK_MS = 60_000;
const AUTHORITY_CHECK_MS = 60_000;

/** What is looked after by the clock. */
export interface TimedParts extends Fleet {
  readonly keyUses: KeyUses;
  readonly keyWatch: Keys["watch"];
  readonly forwards: Forwards;
  readonly receiver: Receiver;
  readonly changes: PolicyChanges;
  readonly reopening: Pick<ReopeningApi, "step">;
  readonly operators: Pick<OperatorStore, "isActive">;
}

/** What of it is about certificates. */
export interface TimedCertificates {
  readonly identity: CentralIdentity;
  readonly crls: Crls;
  readonly watch: RevocationWatch;
  readonly front: ForeignFront;
  readonly state: CentralState;
}

/**
 * Makes the list of what central does by the clock.
 *
 * @param opened what was opened already
 * @param parts what is looked after
 * @param certificates what of it is about certificates
 */
export function createCentralTimers(
  { config, store, authority, trail, log }: OpenedCentral,
  parts: TimedParts,
  { identity, crls, watch, front, state }: TimedCertificates,
): Timers {
  const { centralLifetime } = config.certificates;
  const { live, polling, history, keyUses, keyWatch, forwards, policies, changes } = parts;
  const { receiver, operators, reopening } = parts;
  // Before the ports are open there is nothing to change; when central stops, every agent is gone.
  const isListening = (): boolean => state.agents !== undefined && !state.isStopping;
  const carryOn = async (): Promise<void> => {
    if (isListening()) await changes.step();
  };
  const tasks = [
    { name: "flush", everyMs: FLUSH_MS, run: () => live.flush() },
    { name: "key uses", everyMs: FLUSH_MS, run: () => keyUses.flush() },
    { name: "keys", everyMs: LOOK_EVERY_MS, run: () => keyWatch.look() },
    { name: "policies", everyMs: LOOK_EVERY_MS, run: () => policies.book.look() },
    {
      name: "re-openings",
      everyMs: REOPENINGS_LOOK_MS,
      run: async () => {
        if (isListening()) await reopening.step();
      },
    },
    { name: "policy changes", everyMs: CHANGE_TURN_MS, run: carryOn },
    { name: "forwards", everyMs: LOOK_EVERY_MS, run: () => forwards.book.look() },
    { name: "receiver", everyMs: LOOK_EVERY_MS, run: () => receiver.look() },
    {
      name: "operators' streams",
      everyMs: LOOK_EVERY_MS,
      run: async () => forwards.services.endOthers(operators.isActive),
    },
    { name: "use of forwards", everyMs: USE_MS, run: () => forwards.flushUse() },
    { name: "history", everyMs: FOLD_MS, run: async () => void (await history.fold.step()) },
    { name: "polling", everyMs: POLL_CHECK_MS, run: () => polling.forgetSilent() },
    { name: "store", everyMs: STORE_CHECK_MS, run: () => retryWrite(store) },
    { name: "endings", everyMs: LOOK_EVERY_MS, run: () => watch.look() },
    { name: "revocation lists", everyMs: LOOK_EVERY_MS, run: () => crls.refreshIfDue() },
    { name: "tls files", everyMs: FILES_LOOK_MS, run: () => front.follow() },
    { name: "authorities", everyMs: AUTHORITY_CHECK_MS, run: () => authority.renewIfDue() },
    {
      name: "checkpoint",
      everyMs: config.audit.checkpointInterval,
      run: () => trail.keeper.sign(),
    },
    {
      name: "own certificate",
      everyMs: Math.min(RENEWAL_CHECK_MS, centralLifetime / 20),
      run: () => identity.renewIfDue(),
    },
  ];
  return createTimers(tasks, log);
}
