import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { TautlineError } from "@tautline/protocol";
import type { ApiDeps } from "./api/api-deps.ts";
import type { HealthDeps } from "./api/health-routes.ts";
import { listVerbs } from "./api/verb-list.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import type { AuditTrail } from "./audit/audit-trail.ts";
import { type CentralIdentity, openCentralIdentity } from "./authority/central-identity.ts";
import { createCertificateCatalogue } from "./authority/certificate-catalogue.ts";
import { certifiedNames, readHostFacts } from "./authority/own-names.ts";
import { describeCentral } from "./central-status.ts";
import { createCentralTimers } from "./central-timers.ts";
import { createClockWatch } from "./control/clock-watch.ts";
import type { LiveLinks } from "./control/live-links.ts";
import { type Forwards, openForwards } from "./forwards/forwards.ts";
import { ownPlacesOf } from "./forwards/own-places.ts";
import { createFleet, type Fleet } from "./fleet-parts.ts";
import type { Herd } from "./herd/herd.ts";
import { makeConfiguredKeys } from "./keys/configured-keys.ts";
import { createKeys, openKeyRing } from "./keys/keys.ts";
import type { KeyUses } from "./keys/key-uses.ts";
import type { LinkStore } from "./fleet/link-store.ts";
import type { EvidenceHistory } from "./history/evidence-history.ts";
import { acceptedLevels } from "./listeners/caller-judge.ts";
import { type AdminSocket, createAdminSocket } from "./listeners/admin-socket.ts";
import type { AgentsListener } from "./listeners/agents-listener.ts";
import { openListeners, openTelemetry } from "./listening-parts.ts";
import type { ListenerSettings } from "./listeners/listener-settings.ts";
import { type ConsoleListener, createConsoleListener } from "./listeners/console-listener.ts";
import type { CentralState, OpenedCentral } from "./opened-central.ts";
import type { Policies } from "./policy/policies.ts";
import { type ConsoleGate, createConsoleGate } from "./operators/console-gate.ts";
import { openOperators, type OperatorStore } from "./operators/operator-store.ts";
import { type Crls, openCrls } from "./revocation/crl-list.ts";
import { readEnds } from "./revocation/expiry.ts";
import { oneMoreRun } from "./revocation/one-more-run.ts";
import { createRevocationWatch, type RevocationWatch } from "./revocation/revocation-watch.ts";
import { policyChangesOn } from "./policy/change-parts.ts";
import type { Plan, Wanted } from "./policy/plan.ts";
import { PLAN_PERIOD_MS, readPlan } from "./policy/plan-reading.ts";
import type { Receiver } from "./receiver/receiver.ts";
import type { ReceiverListener } from "./receiver/receiver-listener.ts";
import { listenPublicly } from "./reopening/listen-publicly.ts";
import { createReopeningApi } from "./reopening/reopening-api.ts";
import { createRevocations, type Revocations } from "./revocation/revocations.ts";
import { isHealthy } from "./store/store-health.ts";
import type { Store } from "./store/store.ts";
import { createForeignFront } from "./tls-files/foreign-front.ts";
import type { Timers } from "./timers.ts";

/** What central is built of, before anything listens. */
export interface Assembly {
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  readonly links: LinkStore;
  readonly history: EvidenceHistory;
  readonly live: LiveLinks;
  readonly keyUses: KeyUses;
  readonly forwards: Forwards;
  readonly policies: Policies;
  readonly timers: Timers;
  readonly receiver: Receiver;
  readonly agentsListener: AgentsListener;
  readonly receiverListener: ReceiverListener;
  readonly consoleListener: ConsoleListener;
  readonly adminSocket: AdminSocket;
  /** Resolves when what follows a revocation is done. */
  readonly revocationSettled: () => Promise<void>;
  readonly state: CentralState;
  readonly herd: Herd;
}

/**
 * Builds central's parts and ties them together; nothing runs yet.
 *
 * @param deps what was opened already
 */
export async function assemble(deps: OpenedCentral): Promise<Assembly> {
  const { config, store, audit, authority, log, now } = deps;
  const state: CentralState = { isStopping: false };
  const openedRing = await openKeyRing(deps);
  const { uses: keyUses, ring } = openedRing;
  const fleet = await createFleet({ ...deps, keys: ring }, state);
  const shared = createKeys({ ...deps, ...openedRing, ...fleet });
  await makeConfiguredKeys({ ...deps, ...openedRing, ...shared }, config.keys);
  const forwards = await openForwards({ ...deps, ...fleet, own: ownPlacesOf(state) });
  const names = () => certifiedNames(readHostFacts(), config.agents.advertise);
  const identity = await openCentralIdentity({ store, authority, names, now }, (renewed) => {
    const shownBy = [agentsListener, receiverListener, consoleListener];
    for (const { acceptor } of shownBy) acceptor.replaceIdentity(renewed);
  });
  const revocation = await openRevocation(deps, fleet, identity);
  const { crls, watch, revocations, settled: revocationSettled } = revocation;
  const { metrics, refusals } = fleet;
  metrics.watchEnds(() => readEnds({ authority, identity, crls, now }));
  const clockWatch = createClockWatch({ audit, log, now });
  const isStopping = (): boolean => state.isStopping;
  const receiver = await openTelemetry(deps, fleet, { state, ring });
  const carrying = { forwarding: forwards.service, receiving: receiver.service };
  const control = { ...fleet, clockWatch, log, now, isStopping, ...carrying };
  const secured = { config, authority, identity, refusals, log, now };
  const front = createForeignFront({ ...deps, files: deps.tlsFiles, root: authority.root });
  const taking = { ...secured, control, front, herd: fleet.herd, receiver, state, keys: ring };
  const { agentsListener, receiverListener, listeners } = await openListeners(deps, fleet, {
    ...taking,
    onMoved: (at) => void Object.assign(state, at),
  });
  state.levels = () => acceptedLevels(agentsListener.settings());
  const { operators, gate } = await openConsole(deps);
  const planned = { store, history: fleet.history, streams: forwards.streams, now };
  const plan = (wanted: Wanted, sinceMs = now() - PLAN_PERIOD_MS): Promise<Plan> =>
    readPlan(planned, wanted, { sinceMs });
  const settings = (): ListenerSettings => agentsListener.settings();
  const changes = policyChangesOn({ ...deps, ...fleet, settings, listeners, plan });
  const reopening = createReopeningApi({
    reopenings: fleet.reopenings,
    listenPublicly: (isReopened) => listenPublicly(agentsListener, isReopened),
  });
  const { keys, watch: keyWatch } = shared;
  const served = { ...fleet, ...forwards, receiver: receiver.api, keys, operators, listeners };
  const verbs = listVerbs(
    createApi(deps, { ...served, plan, changes, reopening, revocations, crls, watch }, state),
  );
  const health: HealthDeps = { registry: metrics.registry, isReady: () => isReady(store, state) };
  const consoleListener = await createConsoleListener({ ...secured, verbs, gate, health, crls });
  const path = join(deps.dataDir, "admin.sock");
  const adminSocket = await createAdminSocket({ path, verbs, health, log });
  const worked = { ...fleet, keyUses, keyWatch, forwards, receiver, changes, reopening, operators };
  const timers = createCentralTimers(deps, worked, { identity, crls, watch, front, state });
  const listening = { agentsListener, receiverListener, consoleListener, adminSocket };
  const { trail } = deps;
  const parts = { audit, trail, keyUses, forwards, receiver, timers, revocationSettled, state };
  return { ...fleet, ...listening, ...parts };
}

/** Operators and the gate they come in by: whoever is disabled is shown out. */
async function openConsole(
  deps: OpenedCentral,
): Promise<{ readonly operators: OperatorStore; readonly gate: ConsoleGate }> {
  const onEnded = (name: string): void => gate.endOperator(name);
  const operators = await openOperators({ ...deps, onEnded });
  const gate = createConsoleGate({ ...deps, operators });
  return { operators, gate };
}

interface Revocation {
  readonly crls: Crls;
  readonly watch: RevocationWatch;
  readonly revocations: Revocations;
  readonly settled: () => Promise<void>;
}

/** Lists, and whoever shows out those who are on them. */
async function openRevocation(
  deps: OpenedCentral,
  { live, connections }: Fleet,
  identity: CentralIdentity,
): Promise<Revocation> {
  const { config, log } = deps;
  const { crlLifetime: lifetimeMs } = config.certificates;
  const crls = await openCrls({ ...deps, lifetimeMs, pause: nextTurn });
  const follow = oneMoreRun(async () => {
    const works = await Promise.allSettled([crls.refresh(), identity.renewIfRevoked()]);
    for (const { reason } of works.filter((work) => work.status === "rejected")) {
      log.error({ err: reason as unknown }, "an ending was not followed up");
    }
  });
  let following: Promise<void> = Promise.resolve();
  const onEnded = (): void => {
    following = follow();
  };
  const watch = createRevocationWatch({ ...deps, live, connections, onEnded });
  const revocations = createRevocations({ ...deps, crls, watch });
  return { crls, watch, revocations, settled: () => following };
}

function createApi(
  deps: OpenedCentral,
  fleet: Fleet &
    Pick<ApiDeps, "keys" | "forwards" | "services" | "streams" | "receiver" | "operators"> &
    Pick<ApiDeps, "revocations" | "listeners" | "plan" | "changes" | "reopening"> &
    Pick<Revocation, "crls" | "watch">,
  state: CentralState,
): ApiDeps {
  const { vault, audit, trail, store, log } = deps;
  const { agents, life, moves, links, history, tokens, namespaces, settings, live } = fleet;
  const { keys, forwards, services, streams, receiver, operators, revocations, listeners } = fleet;
  const { plan, changes, reopening, offers, policies, programs } = fleet;
  return {
    status: describeCentral(deps, fleet, state),
    vault,
    tokens,
    agents,
    life,
    moves,
    links,
    history,
    endAgent: (id) => {
      live.endAgent(id, new TautlineError("admission.agent_revoked", { detail: { id } }));
      // What else it has open here; what fails now is looked at again in a second.
      fleet.watch
        .look()
        .catch((error: unknown) => log.error({ err: error }, "connections were not looked at"));
    },
    revocations,
    keys,
    forwards,
    services,
    streams,
    receiver,
    namespaces: {
      ...namespaces,
      create: async (name, actor) => {
        const made = await namespaces.create(name, actor);
        // Made it is; a list that fails now is made by the clock.
        await fleet.crls
          .refreshIfDue()
          .catch((error: unknown) => log.error({ err: error }, "a list was not made"));
        return made;
      },
    },
    settings,
    listeners,
    policies,
    certificates: createCertificateCatalogue(store),
    programs,
    audit,
    trail,
    operators,
    plan,
    changes,
    reopening,
    offers,
  };
}

async function isReady(store: Store, state: CentralState): Promise<boolean> {
  return !state.isStopping && state.agents !== undefined && (await isHealthy(store));
}
