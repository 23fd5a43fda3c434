import { join } from "node:path";
import { TautlineError } from "@tautline/protocol";
import type { ApiDeps } from "./api/api-deps.ts";
import type { HealthDeps } from "./api/health-routes.ts";
import { listVerbs } from "./api/verb-list.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import { type CentralIdentity, openCentralIdentity } from "./authority/central-identity.ts";
import { createCertificateCatalogue } from "./authority/certificate-catalogue.ts";
import { certifiedNames, readHostFacts } from "./authority/own-names.ts";
import { describeCentral } from "./central-status.ts";
import type { LiveLinks } from "./control/live-links.ts";
import { createFleet, type Fleet } from "./fleet-parts.ts";
import type { LinkStore } from "./fleet/link-store.ts";
import type { EvidenceHistory } from "./history/evidence-history.ts";
import { type AdminSocket, createAdminSocket } from "./listeners/admin-socket.ts";
import { type AgentsListener, createAgentsListener } from "./listeners/agents-listener.ts";
import { type ConsoleListener, createConsoleListener } from "./listeners/console-listener.ts";
import type { CentralState, OpenedCentral } from "./opened-central.ts";
import { type ConsoleGate, createConsoleGate } from "./operators/console-gate.ts";
import { openOperators, type OperatorStore } from "./operators/operator-store.ts";
import { isHealthy, retryWrite } from "./store/store-health.ts";
import type { Store } from "./store/store.ts";
import { createTimers, type Timers } from "./timers.ts";

/** What central is built of, before anything listens. */
export interface Assembly {
  readonly audit: AuditLog;
  readonly links: LinkStore;
  readonly history: EvidenceHistory;
  readonly live: LiveLinks;
  readonly timers: Timers;
  readonly agentsListener: AgentsListener;
  readonly consoleListener: ConsoleListener;
  readonly adminSocket: AdminSocket;
  readonly state: CentralState;
}

const FLUSH_MS = 2_000;
const FOLD_MS = 1_000;
const POLL_CHECK_MS = 30_000;
const STORE_CHECK_MS = 2_000;
const RENEWAL_CHECK_MS = 60_000;

/**
 * Builds central's parts and ties them together; nothing runs yet.
 *
 * @param deps what was opened already
 */
export async function assemble(deps: OpenedCentral): Promise<Assembly> {
  const { config, store, audit, authority, log, now } = deps;
  const state: CentralState = { isStopping: false };
  const fleet = await createFleet(deps, state);
  const names = () => certifiedNames(readHostFacts(), config.agents.advertise);
  const identity = await openCentralIdentity({ store, authority, names, now }, (renewed) => {
    agentsListener.acceptor.replaceIdentity(renewed);
    consoleListener.acceptor.replaceIdentity(renewed);
  });
  const { live, metrics, refusals } = fleet;
  const control = { ...fleet, log, isStopping: () => state.isStopping };
  const secured = { config, authority, identity, refusals, log, now };
  const agentsListener = await createAgentsListener({ ...secured, control });
  const { operators, gate } = await openConsole(deps);
  const verbs = listVerbs(createApi(deps, { ...fleet, operators }, state));
  const health: HealthDeps = { registry: metrics.registry, isReady: () => isReady(store, state) };
  const consoleListener = await createConsoleListener({ ...secured, verbs, gate, health });
  const path = join(deps.dataDir, "admin.sock");
  const adminSocket = await createAdminSocket({ path, verbs, health, log });
  const timers = createCentralTimers(deps, fleet, identity);
  const { links, history } = fleet;
  return {
    audit,
    links,
    history,
    live,
    timers,
    agentsListener,
    consoleListener,
    adminSocket,
    state,
  };
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

function createApi(
  deps: OpenedCentral,
  fleet: Fleet & Pick<ApiDeps, "operators">,
  state: CentralState,
): ApiDeps {
  const { vault, audit, store } = deps;
  const { agents, links, history, tokens, namespaces, settings, live, operators } = fleet;
  return {
    status: describeCentral(deps, fleet, state),
    vault,
    tokens,
    agents,
    links,
    history,
    endAgent: (id) =>
      live.endAgent(id, new TautlineError("admission.agent_revoked", { detail: { id } })),
    namespaces,
    settings,
    certificates: createCertificateCatalogue(store),
    audit,
    operators,
  };
}

function createCentralTimers(
  { config, store, log }: OpenedCentral,
  { live, polling, history }: Fleet,
  identity: CentralIdentity,
): Timers {
  const { centralLifetime } = config.certificates;
  const tasks = [
    { name: "flush", everyMs: FLUSH_MS, run: () => live.flush() },
    { name: "history", everyMs: FOLD_MS, run: async () => void (await history.fold.step()) },
    { name: "polling", everyMs: POLL_CHECK_MS, run: () => polling.forgetSilent() },
    { name: "store", everyMs: STORE_CHECK_MS, run: () => retryWrite(store) },
    {
      name: "own certificate",
      everyMs: Math.min(RENEWAL_CHECK_MS, centralLifetime / 20),
      run: () => identity.renewIfDue(),
    },
  ];
  return createTimers(tasks, log);
}

async function isReady(store: Store, state: CentralState): Promise<boolean> {
  return !state.isStopping && state.agents !== undefined && (await isHealthy(store));
}
