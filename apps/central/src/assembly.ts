import { join } from "node:path";
import type { Logger } from "@tautline/daemon";
import { formatHostPort, type HostPort, parseHostPort } from "@tautline/link";
import { spkiPin } from "@tautline/pki";
import { encodeJoinToken, formatTimestamp, TautlineError, toHex } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { ApiDeps, CentralStatus } from "./api/api-deps.ts";
import { listRoutes } from "./api/route-list.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import type { CertificateAuthority } from "./authority/authority.ts";
import { openCentralIdentity, ownAddresses } from "./authority/central-identity.ts";
import { createCertificateCatalogue } from "./authority/certificate-catalogue.ts";
import type { CentralConfig } from "./config.ts";
import { createAdmission } from "./control/admission.ts";
import { createAgentSession } from "./control/agent-session.ts";
import type { Caller } from "./control/caller.ts";
import { createJoinSession } from "./control/join-session.ts";
import { createLiveLinks, type LiveLinks } from "./control/live-links.ts";
import { createPollingLinks } from "./control/polling-links.ts";
import { createRefusals } from "./control/refusals.ts";
import { createTokenStore } from "./enrolment/token-store.ts";
import { createAgentStore } from "./fleet/agent-store.ts";
import { createLinkStore, type LinkStore } from "./fleet/link-store.ts";
import { openNamespaces } from "./fleet/namespace-store.ts";
import { createInstructionStore } from "./instructions/instruction-store.ts";
import { openInstructor } from "./instructions/instructor.ts";
import { type AdminSocket, createAdminSocket } from "./listeners/admin-socket.ts";
import { type AgentsListener, createAgentsListener } from "./listeners/agents-listener.ts";
import { type ConsoleListener, createConsoleListener } from "./listeners/console-listener.ts";
import { createMetrics } from "./metrics.ts";
import { createSettingStore } from "./settings/setting-store.ts";
import type { Store } from "./store/store.ts";
import { createTimers, type Timers } from "./timers.ts";
import { VERSION } from "./version.ts";

/** What central is built of, before anything listens. */
export interface Assembly {
  readonly audit: AuditLog;
  readonly links: LinkStore;
  readonly live: LiveLinks;
  readonly timers: Timers;
  readonly agentsListener: AgentsListener;
  readonly consoleListener: ConsoleListener;
  readonly adminSocket: AdminSocket;
  /** Filled in as listeners start. */
  readonly addresses: { agents?: HostPort; console?: HostPort };
  readonly stopping: { value: boolean };
}

export interface AssemblyDeps {
  readonly config: CentralConfig;
  readonly dataDir: string;
  readonly centralId: string;
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly authority: CertificateAuthority;
  readonly log: Logger;
  readonly now: () => number;
}

const FLUSH_MS = 2_000;
const POLL_CHECK_MS = 30_000;
const POLL_SILENT_MS = 120_000;

/**
 * Builds central's parts and ties them together; nothing runs yet.
 *
 * @param deps what was opened already
 */
export async function assemble(deps: AssemblyDeps): Promise<Assembly> {
  const { config, store, audit, authority, log, now } = deps;
  const addresses: Assembly["addresses"] = {};
  const stopping = { value: false };
  const advertised = (): readonly string[] => advertisedAddresses(config, addresses.agents?.port);
  const fleet = await createFleet(deps, advertised);
  const { live, polling, beginSession, admission, refusals, metrics } = fleet;
  const names = config.agents.advertise.map((text) => parseHostPort(text, config.agents.port).host);
  const identity = await openCentralIdentity({ store, authority, names }, (renewed) => {
    agentsListener.acceptor.replaceIdentity(renewed);
    consoleListener.acceptor.replaceIdentity(renewed);
  });
  const isStopping = (): boolean => stopping.value;
  const control = { live, polling, beginSession, admission, refusals, metrics, log, isStopping };
  const agentsListener = await createAgentsListener({
    config,
    authority,
    identity,
    control,
    metrics,
    log,
    now,
  });
  const api = createApi(deps, fleet, addresses, advertised);
  const health = { registry: metrics.registry, isReady: () => isReady(store, stopping) };
  const consoleListener = await createConsoleListener({ config, identity, api, health, log, now });
  const adminSocket = await createAdminSocket({
    path: join(deps.dataDir, "admin.sock"),
    api,
    health,
    log,
  });
  const timers = createTimers(
    [
      { name: "flush", everyMs: FLUSH_MS, run: () => live.flush() },
      {
        name: "polling",
        everyMs: POLL_CHECK_MS,
        run: () => polling.forgetSilent(now() - POLL_SILENT_MS),
      },
      {
        name: "own certificate",
        everyMs: config.certificates.centralLifetime / 2,
        run: () => identity.renew(),
      },
    ],
    log,
  );
  return {
    audit,
    links: fleet.links,
    live,
    timers,
    agentsListener,
    consoleListener,
    adminSocket,
    addresses,
    stopping,
  };
}

type Fleet = Awaited<ReturnType<typeof createFleet>>;

async function createFleet(deps: AssemblyDeps, advertised: () => readonly string[]) {
  const { config, store, vault, audit, authority, log, now } = deps;
  const metrics = createMetrics();
  const agents = createAgentStore({ store, audit, now });
  const links = createLinkStore(store, deps.centralId);
  const tokens = createTokenStore({ store, vault, audit, now });
  const namespaces = await openNamespaces({ store, authority, audit, now });
  const instructor = await openInstructor({ store, vault, now });
  const lifetimeMs = config.instructions.lifetime;
  const instructions = createInstructionStore({ store, audit, instructor, lifetimeMs, now });
  const live = createLiveLinks({ agents, links, metrics, log, now });
  const onChange = (namespace: string): void => void live.pushTo(namespace);
  const settings = createSettingStore({ store, audit, now, onChange });
  const refusals = createRefusals({ audit, log, metrics, now });
  const admission = createAdmission({ store, tokens, refusals });
  const enrolment = { store, tokens, authority, audit, now };
  const grant = { authority, instructor, addresses: advertised };
  const beginSession = (caller: Caller) =>
    caller.kind === "agent"
      ? createAgentSession({ agents, settings, instructions, metrics, now }, caller)
      : createJoinSession({ enrolment, grant, audit, metrics }, caller);
  const polling = createPollingLinks({ live, refusals, metrics, now, beginSession });
  return {
    metrics,
    agents,
    links,
    tokens,
    namespaces,
    live,
    settings,
    refusals,
    admission,
    beginSession,
    polling,
  };
}

function createApi(
  deps: AssemblyDeps,
  fleet: Fleet,
  addresses: Assembly["addresses"],
  advertised: () => readonly string[],
): ApiDeps {
  const { vault, audit, authority, store } = deps;
  const { agents, links, tokens, namespaces, settings, live } = fleet;
  const startedAt = formatTimestamp(deps.now());
  const pin = spkiPin(authority.root);
  const status = async (): Promise<CentralStatus> => ({
    version: VERSION,
    trustDomain: authority.trustDomain,
    startedAt,
    dataDir: deps.dataDir,
    agents: written(addresses.agents),
    console: written(addresses.console),
    rootPin: toHex(pin),
    counts: {
      agents: (await agents.list()).length,
      links: (await links.list({})).length,
      tokens: (await tokens.list()).filter((token) => token.state === "open").length,
    },
  });
  return {
    status,
    routes: listRoutes,
    vault,
    tokens,
    joinToken: (made) =>
      encodeJoinToken({
        ...made,
        addresses: [...advertised()],
        pins: [pin],
        trustDomain: authority.trustDomain,
      }),
    agents,
    links,
    endAgent: (id) =>
      live.endAgent(id, new TautlineError("admission.agent_revoked", { detail: { id } })),
    namespaces,
    settings,
    certificates: createCertificateCatalogue(store),
    audit,
  };
}

function written(at: HostPort | undefined): string {
  return at === undefined ? "" : formatHostPort(at.host, at.port);
}

function advertisedAddresses(config: CentralConfig, port: number | undefined): readonly string[] {
  const realPort = port ?? config.agents.port;
  if (config.agents.advertise.length === 0) return ownAddresses(realPort);
  return config.agents.advertise.map((text) => {
    const at = parseHostPort(text, realPort);
    return formatHostPort(at.host, at.port);
  });
}

async function isReady(store: Store, stopping: { readonly value: boolean }): Promise<boolean> {
  if (stopping.value) return false;
  return store
    .read((db) => db.selectFrom("meta").select("key").limit(1).execute())
    .then(() => true)
    .catch(() => false);
}
