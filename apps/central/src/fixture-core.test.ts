/* Equipment of central's tests: everything of central that does not listen. No tests of its own. */
import { join } from "node:path";
import { createCsr, createKeyPair, type KeyPair, spkiPin } from "@tautline/pki";
import {
  decodeJoinToken,
  encodeJoinToken,
  type JoinToken,
  type LinkEvidence,
  makeAgentId,
  type TautlineError,
} from "@tautline/protocol";
import { createLog } from "@tautline/daemon";
import {
  createFakeClock,
  createSeededRandom,
  type FakeClock,
  withTempFolder,
} from "@tautline/testing";
import { environmentSource, generatedKeyFileSource, openVault, type Vault } from "@tautline/vault";
import { type AuditLog, createAuditLog } from "./audit/audit-log.ts";
import { type AuditTrail, openAuditTrail } from "./audit/audit-trail.ts";
import { type CertificateAuthority, openAuthority } from "./authority/authority.ts";
import { loadCentralConfig } from "./config.ts";
import { enrol, type Enrolled, type JoinRequest } from "./enrolment/enrol.ts";
import { createTokenStore, type TokenStore } from "./enrolment/token-store.ts";
import { type AgentLife, createAgentLife } from "./fleet/agent-life.ts";
import { type AgentStore, createAgentStore } from "./fleet/agent-store.ts";
import { createLinkStore, type LinkStore } from "./fleet/link-store.ts";
import { type NamespaceStore, openNamespaces } from "./fleet/namespace-store.ts";
import { createHerd, type Herd } from "./herd/herd.ts";
import { createEvidenceHistory, type EvidenceHistory } from "./history/evidence-history.ts";
import { createInstructionStore, type InstructionStore } from "./instructions/instruction-store.ts";
import { type Instructor, openInstructor } from "./instructions/instructor.ts";
import { createMetrics, type CentralMetrics } from "./metrics.ts";
import { createSettingStore, type SettingStore } from "./settings/setting-store.ts";
import { openStore, type Store } from "./store/store.ts";
import { databaseHeaderStore } from "./store/vault-header-store.ts";

export const TRUST_DOMAIN = "fleet.test";
export const HOUR_MS: number = 60 * 60_000;
export const DAY_MS: number = 24 * HOUR_MS;
export const GRACE_MS: number = 30 * DAY_MS;
export const CENTRAL_ID = "00000000-0000-4000-8000-0000000000c1";
const INSTRUCTION_LIFETIME_MS = 15 * 60_000;

export const LIFETIMES = {
  agentLifetime: DAY_MS,
  centralLifetime: DAY_MS,
  fileLifetime: DAY_MS,
  intermediateLifetime: 365 * DAY_MS,
  rootLifetime: 3650 * DAY_MS,
};

/** That the links of an agent were to be ended. */
export interface EndedLinks {
  readonly id: string;
  readonly code: string;
}
/** How the history of links is folded where nothing else is set. */
export const FOLD_RULE = { dailyDays: 14, weeklyDays: 45, days: 90 };

/** Central without its listeners, on a real database and a real vault. */
export interface Core {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  readonly authority: CertificateAuthority;
  readonly namespaces: NamespaceStore;
  readonly instructor: Instructor;
  readonly instructions: InstructionStore;
  readonly tokens: TokenStore;
  readonly agents: AgentStore;
  readonly life: AgentLife;
  /** Agents whose links were ended, and why, in order. */
  readonly ended: readonly EndedLinks[];
  /** Agents whose links were to tell them something, in order. */
  readonly told: readonly string[];
  readonly links: LinkStore;
  readonly history: EvidenceHistory;
  readonly settings: SettingStore;
  readonly metrics: CentralMetrics;
  /** Namespaces that settings were changed for, in order. */
  readonly pushed: string[];
  close(): Promise<void>;
}

/** Herd control by the default settings, without chance. */
export function herdOf({ clock, metrics }: Pick<Core, "clock" | "metrics">): Herd {
  const config = loadCentralConfig(undefined);
  return createHerd({ config, metrics, now: clock.now, random: () => 0.5 });
}

/** What a core may be opened with. */
export interface CoreOptions {
  readonly clock?: FakeClock;
  readonly passphrase?: string;
  readonly lifetimes?: Partial<typeof LIFETIMES>;
}

/** Opens a core on a folder, as central does when it starts. */
export async function openCore(folder: string, options: CoreOptions = {}): Promise<Core> {
  const clock = options.clock ?? createFakeClock();
  const { now } = clock;
  const store = await openStore(join(folder, "central.db"));
  try {
    return await fill({ folder, clock, store, now }, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Opened {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly store: Store;
  readonly now: () => number;
}

async function fill({ folder, clock, store, now }: Opened, options: CoreOptions): Promise<Core> {
  const rows = await store.read((db) => db.selectFrom("authorities").select("id").execute());
  const vault = await openVault({
    sources: [
      environmentSource("TAUTLINE_MPASSWD", options.passphrase),
      generatedKeyFileSource(join(folder, "vault.key")),
    ],
    store: databaseHeaderStore(store),
    mayCreate: rows.length === 0,
    scryptCost: { N: 2 ** 10, r: 8, p: 1 },
  });
  const audit = createAuditLog(store, now);
  const lifetimes = { ...LIFETIMES, ...options.lifetimes };
  const trustDomain = TRUST_DOMAIN;
  const authority = await openAuthority({ store, vault, audit, now, trustDomain, lifetimes });
  const formatToken = (parts: Pick<JoinToken, "namespace" | "tokenId" | "secret">): string =>
    encodeJoinToken({
      ...parts,
      addresses: ["127.0.0.1:9150"],
      pins: [spkiPin(authority.root)],
      trustDomain,
    });
  const instructor = await openInstructor({ store, vault, now });
  const trail = await openAuditTrail({
    store,
    vault,
    audit,
    authority,
    now,
    config: { audit: { checkpointEntries: 1_000, checkpointInterval: HOUR_MS } },
    centralId: CENTRAL_ID,
    log: createLog("central", "error"),
  });
  const pushed: string[] = [];
  const instruct = { store, audit, instructor, lifetimeMs: INSTRUCTION_LIFETIME_MS, now };
  const onChange = (name: string): void => void pushed.push(name);
  const settings = createSettingStore({ store, audit, now, onChange });
  const heartbeatOf = (name: string): Promise<number> => settings.heartbeatMs(name);
  const ended: EndedLinks[] = [];
  const endLinks = (id: string, { code }: TautlineError): void => void ended.push({ id, code });
  const told: string[] = [];
  const history = createEvidenceHistory({ store, now, rule: FOLD_RULE });
  return {
    told,
    folder,
    clock,
    store,
    vault,
    audit,
    trail,
    authority,
    instructor,
    pushed,
    namespaces: await openNamespaces({ store, authority, audit, now }),
    instructions: createInstructionStore(instruct),
    tokens: createTokenStore({ store, vault, audit, now, formatToken }),
    agents: createAgentStore({ store, audit, now, heartbeatOf }),
    life: createAgentLife({
      store,
      audit,
      now,
      renewalGraceMs: GRACE_MS,
      endLinks,
      tellAgent: (id) => void told.push(id),
      forgetHistory: (trx, id) => history.forget(trx, id),
    }),
    ended,
    links: createLinkStore(store, "central-1"),
    history,
    settings,
    metrics: createMetrics(),
    close: async () => {
      vault.close();
      await store.close();
    },
  };
}

/** Gives `use` a core on an empty folder and closes it afterwards. */
export function withCore(
  use: (core: Core) => Promise<void>,
  options: CoreOptions = {},
): Promise<void> {
  return withTempFolder(async (folder) => {
    const core = await openCore(folder, options);
    try {
      await use(core);
    } finally {
      await core.close();
    }
  });
}

/** Makes a token and reads its text as an agent would. */
export async function makeToken(
  core: Core,
  order: {
    readonly namespace?: string;
    readonly uses?: number;
    readonly ttlMs?: number;
    readonly approve?: boolean;
  } = {},
): Promise<JoinToken> {
  const made = await core.tokens.create({
    namespace: "default",
    uses: 1,
    ttlMs: HOUR_MS,
    createdBy: "operator:local",
    ...order,
  });
  return decodeJoinToken(made.token);
}

/** A host that wants to join: its id and keys, and its request. */
export interface Joiner {
  readonly id: string;
  readonly client: KeyPair;
  readonly server: KeyPair;
  readonly request: JoinRequest;
}

const random = createSeededRandom("joiners");

/** Makes a host with keys of its own. */
export function makeJoiner(name = "web-1"): Joiner {
  const id = makeAgentId(Date.UTC(2026, 0, 1), random.randomBytes(10));
  const client = createKeyPair("p256");
  const server = createKeyPair("p256");
  const request = {
    agentId: id,
    name,
    agentVersion: "0.1.0",
    clientCsrPem: createCsr(client.privateKey, id),
    serverCsrPem: createCsr(server.privateKey, id),
  };
  return { id, client, server, request };
}

/** Joins a host by a token, as the join session does: the secret is proven first. */
export async function joinWith(
  core: Core,
  token: Pick<JoinToken, "tokenId" | "secret">,
  request: JoinRequest,
): Promise<Enrolled> {
  const { store, tokens, authority, audit, clock } = core;
  const row = await tokens.prove(token.tokenId, token.secret);
  return enrol({ store, tokens, authority, audit, now: clock.now }, row, request);
}

/** Makes a token for one and joins a new host with it. */
export async function joinNew(
  core: Core,
  options: { readonly name?: string; readonly namespace?: string } = {},
): Promise<Joiner & { readonly enrolled: Enrolled }> {
  const { namespace = "default" } = options;
  const joiner = makeJoiner(options.name);
  const enrolled = await joinWith(core, await makeToken(core, { namespace }), joiner.request);
  return { ...joiner, enrolled };
}

/** What was audited: the action of every entry after the first `skip`. */
export async function actionsOf(core: Pick<Core, "audit">, skip = 0): Promise<string[]> {
  const entries = await core.audit.list({ limit: 10_000 });
  return entries.slice(skip).map((entry) => entry.action);
}

/** Evidence of a link over mutual TLS, for sessions that no socket carries. */
export function mutualEvidence(peerId: string, peerSerial: string): LinkEvidence {
  return {
    level: "mtls",
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    group: "X25519MLKEM768",
    pq: true,
    serverProven: true,
    clientProven: true,
    forwardSecret: true,
    peerId,
    peerSerial,
    keyId: null,
    since: "2026-01-01T00:00:00.000Z",
  };
}
