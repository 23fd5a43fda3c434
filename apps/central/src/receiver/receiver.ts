import type { Logger } from "@tautline/daemon";
import { HeldBytes } from "@tautline/link";
import type { Vault } from "@tautline/vault";
import type { OwnPlaces } from "../forwards/own-places.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { MemoryRing } from "../keys/memory-ring.ts";
import { parseKeyIdentity, toTautlineError } from "@tautline/protocol";
import type { PolicyBook } from "../policy/policy-book.ts";
import { createBackendStore, type ReceiverStoreDeps } from "./backend-store.ts";
import { createBackendUpstreams } from "./backend-upstreams.ts";
import type { CallJudgeDeps } from "./call-judge.ts";
import { createClientStore } from "./client-store.ts";
import { createExposedTokens, type ExposedTokens } from "./exposed-token.ts";
import { CLAIM_LIMITS } from "./claims/claim.ts";
import { createClaimReport } from "./claims/claim-report.ts";
import { createClaimantStore } from "./claims/claimant-store.ts";
import { createLinkTable } from "./link-table.ts";
import type { ReceiverApi } from "./receiver-api.ts";
import { findProgram, type ProgramCallerDeps } from "./program-callers.ts";
import { createProgramWatch } from "./program-watch.ts";
import { createReceiverBook } from "./receiver-book.ts";
import {
  createReceiverService,
  type ReceiverService,
  type ReceiverServiceDeps,
} from "./receiver-service.ts";
import { createSightings, type Sightings } from "./sightings.ts";

/** Telemetry: what operators set, and what carries it. */
export interface Receiver {
  readonly api: ReceiverApi;
  readonly service: ReceiverService;
  readonly exposed: ExposedTokens;
  /** Whether there is any backend that calls could go to. */
  takesCalls(): boolean;
  /**
   * Follows what any process on this database has changed, and ends what may no longer be: called by the clock and after each change.
   *
   * @throws store.*, vault.*
   */
  look(): Promise<void>;
}

/** What it is built on. */
export interface ReceiverDeps
  extends
    Omit<ReceiverStoreDeps, "onChanged">,
    Pick<ProgramCallerDeps, "authority">,
    Pick<
      ReceiverServiceDeps,
      "admission" | "connections" | "refusals" | "isStopping" | "doors" | "sources"
    > {
  readonly metrics: ReceiverServiceDeps["metrics"] & Pick<CentralMetrics, "receiverClaims">;
  readonly vault: Pick<Vault, "seal" | "open">;
  readonly own: OwnPlaces;
  readonly ring: Pick<MemoryRing, "find">;
  readonly policies: { readonly book: PolicyBook };
  readonly recorder: ReceiverServiceDeps["history"];
  readonly log: Logger;
  readonly random: () => number;
}

/** Operators wait for it. */
const CHECK_MS = 3_000;

/**
 * Opens the receiver with every backend and token in the book.
 *
 * @param deps database, vault, trail, who may, log and clock
 * @throws store.*, vault.*
 */
export async function openReceiver(deps: ReceiverDeps): Promise<Receiver> {
  const { log, ring, recorder: history } = deps;
  const book = createReceiverBook(deps);
  const upstreams = createBackendUpstreams(deps);
  const onChanged = (): Promise<void> =>
    // Changed it is; what this process did not see now it sees in a second.
    look().catch((error: unknown) => log.error({ err: error }, "the receiver was not looked at"));
  const clients = createClientStore({ ...deps, onChanged });
  const table = createLinkTable();
  const policyOf: CallJudgeDeps["policyOf"] = (namespace) =>
    deps.policies.book.policyOf(namespace, "receiver");
  const isKeyLive = (keyId: string): boolean => {
    const identity = parseKeyIdentity(keyId);
    return identity !== undefined && ring.find(identity).length > 0;
  };
  const programs = createProgramWatch(deps.store);
  const sightings = createSightings(deps.now);
  const claims = createClaimReport({ ...deps, sightings });
  const judging = { book, upstreams, clients, table, policyOf, isKeyLive, history, programs };
  const held = new HeldBytes(CLAIM_LIMITS.heldBytes);
  const noting = { claims, held, sightings, refusals: watched(deps.refusals, sightings) };
  const service = createReceiverService({
    ...deps,
    ...judging,
    ...noting,
    findProgram: (mark) => findProgram(deps, mark),
  });
  const look = async (): Promise<void> => {
    await book.look();
    service.endExpired();
    await service.endRevoked();
  };
  book.onChange(() => {
    upstreams.follow(book.backends());
    service.judgeAgain();
  });
  deps.policies.book.onChange(() => service.judgeAgain());
  await look();
  return {
    api: {
      backends: createBackendStore({ ...deps, onChanged }),
      clients,
      claimants: createClaimantStore({ ...deps, onChanged }),
      sightings,
      healthOf: (name) => upstreams.states(name),
      check: (name) => upstreams.check(name, CHECK_MS),
      links: () => table.all().filter(({ uses }) => uses.size > 0),
    },
    service,
    exposed: createExposedTokens({ book, clients }),
    takesCalls: () => book.backends().length > 0,
    look,
  };
}

/** Whoever is refused is remembered for a day, beside what is written of it. */
function watched(
  refusals: ReceiverDeps["refusals"],
  sightings: Pick<Sightings, "refused">,
): ReceiverDeps["refusals"] {
  return {
    note: (error, caller) => {
      sightings.refused(toTautlineError(error), caller.remoteAddress);
      return refusals.note(error, caller);
    },
  };
}
