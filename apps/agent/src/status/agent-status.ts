import { X509Certificate } from "node:crypto";
import { serialOf } from "@tautline/pki";
import {
  parseAgentSettings,
  type AgentSettings,
  type Level,
  type LinkEvidence,
  type PeerOffer,
} from "@tautline/protocol";
import type { VaultStatus } from "@tautline/vault";
import { describeMemory, NO_MEMORY, type HeadMemory } from "../audit/head-memory.ts";
import type { AddressAttempt } from "../control/address-book.ts";
import type { ControlStatus } from "../control/control-link.ts";
import type { EdgeStatus } from "../edge/edge-status.ts";
import type { ForwardStatus } from "../forwards/one-forward.ts";
import type { CertificateStatus } from "../certificates/certificate-keeper.ts";
import type { ServiceStatus } from "../services/agent-services.ts";
import type { Problem } from "../problem-list.ts";
import type { OpenSettings } from "../settings/settings-document.ts";
import { AGENT_VERSION } from "../version.ts";

/** How far the agent has come, in the words people use. */
export type AgentPhase =
  | "edge"
  | "unproven"
  | "joining"
  | "pending"
  | "declined"
  | "verifying"
  | "active";

/** The status document: GET /status on the agent's socket, and `agent status --json`. */
export interface AgentStatus {
  readonly id: string;
  readonly name: string;
  /** Null until central granted an identity. */
  readonly namespace: string | null;
  readonly state: AgentPhase;
  /** What central said of a join that an operator decides; null elsewhere. */
  readonly approval: {
    /** To be compared with what central shows. */
    readonly code: string;
    /** RFC 3339 in UTC. */
    readonly since: string;
  } | null;
  /** False if the document was read from the folder because no agent runs on it. */
  readonly running: boolean;
  readonly version: string;
  readonly central: {
    readonly addresses: readonly string[];
    readonly connected: boolean;
    /** RFC 3339 in UTC. */
    readonly lastAnswerAt: string | null;
    /** Central's clock minus this host's, in whole seconds; null until central has told, and if no agent runs. */
    readonly clockOffsetSeconds: number | null;
    /** Its version and the levels it accepts, as it said last; null until it has, and if no agent runs. */
    readonly offers: PeerOffer | null;
    /** How the last try at each address went. */
    readonly attempts: readonly AddressAttempt[];
    /** New addresses that central gave and did not answer at yet. */
    readonly candidates: readonly string[];
    /** "host:port" of the proxy in use; null where there is none, and if no agent runs. */
    readonly proxy: string | null;
  };
  readonly link: LinkEvidence | null;
  /** What central is dialled at; null if no agent runs. */
  readonly level: Level | null;
  /** Name of the key shared with central, at the levels that need one; null elsewhere. */
  readonly key: string | null;
  /** The highest level that was ever proven with central; nothing lower is dialled. */
  readonly provenLevel: Level | null;
  /** The level above that of the settings file that central was answered at; null where there is none. */
  readonly climbed: { readonly level: Level; readonly by: "instruction" | "rescue" } | null;
  /** The level that central ordered and has not answered at yet. */
  readonly orderedLevel: Level | null;
  /** Where central offers this agent an identity; null where it does not, and once it has one. */
  readonly promotion: {
    readonly addresses: readonly string[];
    /** base64url of SHA-256 of root SPKIs. */
    readonly pins: readonly string[];
    readonly trustDomain: string;
    /** RFC 3339 in UTC. */
    readonly at: string;
  } | null;
  /** Null if no agent runs. */
  readonly vault: { readonly source: string; readonly strength: string } | null;
  readonly certificates: readonly {
    readonly purpose: "client" | "server";
    readonly serial: string;
    readonly notAfter: string;
  }[];
  /** Null before the join is proven. */
  readonly renewal: {
    /** Identities renewed and proven. */
    readonly made: number;
    /** Number of the identity in use; 0 is that of the join. */
    readonly number: string;
    /** RFC 3339 in UTC. */
    readonly nextAt: string;
    /** A next identity is asked for, or granted and not proven yet. */
    readonly underWay: boolean;
  } | null;
  /** Null before the join is proven. */
  readonly settings: {
    readonly hash: string | null;
    readonly seq: string;
    readonly epoch: number;
    readonly values: AgentSettings;
  } | null;
  /** What is remembered of central's audit trail; `tautline audit verify --against` reads it. */
  readonly audit: ReturnType<typeof describeMemory>;
  /** Empty if no agent runs. */
  readonly forwards: readonly ForwardStatus[];
  /** What operators may reach here; empty if no agent runs. */
  readonly services: readonly ServiceStatus[];
  /** Telemetry of this host's programs on its way out; null where agent.yaml has no edge, and if no agent runs. */
  readonly edge: EdgeStatus | null;
  /** Certificates kept as files for other programs; empty if no agent runs. */
  readonly keptCertificates: readonly CertificateStatus[];
  readonly errors: readonly Problem[];
}

/** What only a running agent knows. */
export interface LiveFacts {
  readonly control: ControlStatus;
  readonly vault: VaultStatus;
  readonly problems: readonly Problem[];
  readonly auditMemory: HeadMemory;
  readonly addresses: readonly string[];
  readonly clockOffsetMs: number | undefined;
  readonly offer: PeerOffer | undefined;
  readonly proxy: string | null;
  readonly forwards: readonly ForwardStatus[];
  readonly services: readonly ServiceStatus[];
  readonly edge: EdgeStatus | null;
  readonly keptCertificates: readonly CertificateStatus[];
  /** What central is dialled at. */
  readonly level: Level;
  /** Name of the shared key, where one is used. */
  readonly key: string | null;
}

/**
 * Where central is dialled, as people are shown it: where it answered at the level that was climbed to, then where the settings file or
 * else central says.
 *
 * @param open the clear part of the agent's state
 * @param configured `central.addresses` of the settings file
 */
export function usedAddresses(
  open: OpenSettings,
  configured: readonly string[],
): readonly string[] {
  const { addresses } = open.state === "joining" ? open.ticket : open.identity;
  const climbedTo = open.state === "committed" ? (open.climbed?.addresses ?? []) : [];
  return [...new Set([...climbedTo, ...(configured.length > 0 ? configured : addresses)])];
}

type Committed = Extract<OpenSettings, { state: "committed" }>;

const STOPPED = {
  link: null,
  level: null,
  key: null,
  vault: null,
  forwards: [],
  services: [],
  edge: null,
  keptCertificates: [],
  errors: [],
};
const PHASES = { candidate: "verifying", committed: "active" } as const;

/**
 * Makes the status document.
 *
 * @param open the clear part of the agent's state; holds no secret
 * @param live what the running agent knows; undefined if none runs
 * @param auditMemory what is remembered of central's trail, where no agent runs
 */
export function describeStatus(
  open: OpenSettings,
  live: LiveFacts | undefined,
  auditMemory: HeadMemory = NO_MEMORY,
): AgentStatus {
  return {
    id: open.agentId,
    name: open.name,
    namespace: open.state === "joining" ? null : open.identity.namespace,
    state: phaseOf(open),
    approval: open.state === "joining" ? describeDecision(open.decision) : null,
    running: live !== undefined,
    version: AGENT_VERSION,
    ...(live === undefined
      ? { ...STOPPED, central: describeCentral(open) }
      : describeLive(open, live)),
    ...describeLevels(open),
    promotion: null,
    certificates: describeCertificates(open),
    renewal: open.state === "committed" ? describeRenewal(open.renewal) : null,
    settings: open.state === "committed" ? describeSettings(open.last) : null,
    audit: describeMemory(live?.auditMemory ?? auditMemory),
  };
}

/**
 * Makes the status document of an edge that has no central and no identity.
 *
 * @param name of this host, for people
 * @param live what the running edge knows
 */
export function describeEdgeAlone(
  name: string,
  { edge, problems, vault }: Pick<LiveFacts, "edge" | "problems" | "vault">,
): AgentStatus {
  const unknown = { lastAnswerAt: null, clockOffsetSeconds: null, offers: null, proxy: null };
  return {
    id: "",
    name,
    namespace: null,
    state: "edge",
    approval: null,
    running: true,
    version: AGENT_VERSION,
    ...STOPPED,
    central: { addresses: [], connected: false, ...unknown, attempts: [], candidates: [] },
    vault: { source: vault.source, strength: vault.strength },
    provenLevel: null,
    climbed: null,
    orderedLevel: null,
    promotion: null,
    certificates: [],
    renewal: null,
    settings: null,
    audit: describeMemory(NO_MEMORY),
    edge,
    errors: problems,
  };
}

function phaseOf(open: OpenSettings): AgentPhase {
  return open.state === "joining" ? (open.decision?.answer ?? "joining") : PHASES[open.state];
}

function describeDecision(
  decision: Extract<OpenSettings, { state: "joining" }>["decision"],
): AgentStatus["approval"] {
  if (decision === undefined) return null;
  return { code: decision.code, since: new Date(decision.sinceMs).toISOString() };
}

function describeLive(
  open: OpenSettings,
  live: LiveFacts,
): Pick<
  AgentStatus,
  | "central"
  | "link"
  | "level"
  | "key"
  | "vault"
  | "forwards"
  | "services"
  | "edge"
  | "keptCertificates"
  | "errors"
> {
  const { connected, lastAnswerAtMs, evidence, attempts } = live.control;
  const { addresses, clockOffsetMs, proxy } = live;
  const clockOffsetSeconds = clockOffsetMs === undefined ? null : Math.round(clockOffsetMs / 1000);
  const candidates = candidatesOf(open);
  const lastAnswerAt = lastAnswerAtMs === undefined ? null : new Date(lastAnswerAtMs).toISOString();
  return {
    central: {
      addresses,
      connected,
      lastAnswerAt,
      clockOffsetSeconds,
      offers: live.offer ?? null,
      attempts,
      candidates,
      proxy,
    },
    link: evidence ?? null,
    level: live.level,
    key: live.key,
    vault: { source: live.vault.source, strength: live.vault.strength },
    forwards: live.forwards,
    services: live.services,
    edge: live.edge,
    keptCertificates: live.keptCertificates,
    errors: live.problems,
  };
}

function describeCentral(open: OpenSettings): AgentStatus["central"] {
  const addresses = usedAddresses(open, []);
  const unknown = { lastAnswerAt: null, clockOffsetSeconds: null, offers: null, proxy: null };
  return { addresses, connected: false, ...unknown, attempts: [], candidates: candidatesOf(open) };
}

function candidatesOf(open: OpenSettings): readonly string[] {
  return open.state === "committed" ? (open.move?.addresses ?? []) : [];
}

function describeLevels(
  open: OpenSettings,
): Pick<AgentStatus, "provenLevel" | "climbed" | "orderedLevel"> {
  const past = open.state === "committed" ? open : undefined;
  const { provenLevel = null, climbed, levelMove } = past ?? {};
  return {
    provenLevel,
    climbed: climbed === undefined ? null : { level: climbed.level, by: climbed.by },
    orderedLevel: levelMove?.level ?? null,
  };
}

function describeCertificates(open: OpenSettings): AgentStatus["certificates"] {
  if (open.state === "joining") return [];
  return [
    describeCertificate("client", open.identity.clientChainPem),
    describeCertificate("server", open.identity.serverChainPem),
  ];
}

/** A file from before identities were renewed says nothing of it: that agent is due. */
function describeRenewal(renewal: Committed["renewal"]): AgentStatus["renewal"] {
  const { made = 0, counter = "0", renewAtMs = 0, next } = renewal ?? {};
  const nextAt = new Date(renewAtMs).toISOString();
  return { made, number: counter, nextAt, underWay: next !== undefined };
}

function describeSettings(last: Committed["last"]): AgentStatus["settings"] {
  const { configHash, seq, epoch, settings } = last;
  return { hash: configHash ?? null, seq, epoch, values: parseAgentSettings(settings) };
}

function describeCertificate(
  purpose: "client" | "server",
  chainPem: string,
): AgentStatus["certificates"][number] {
  const leaf = new X509Certificate(chainPem);
  return { purpose, serial: serialOf(leaf), notAfter: new Date(leaf.validTo).toISOString() };
}
