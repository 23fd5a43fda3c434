import { create } from "@bufbuild/protobuf";
import {
  AGENT_ATTRIBUTES,
  AGENT_SETTINGS_FILE,
  AgentCapability,
  AgentDescriptionSchema,
  CAPABILITY_AUDIT,
  CAPABILITY_CERTIFICATE,
  CAPABILITY_EDGE,
  CAPABILITY_ENROLMENT,
  CAPABILITY_INSTRUCTION,
  CAPABILITY_STATUS,
  ComponentHealthSchema,
  ConnectionSettingsStatuses,
  ConnectionSettingsStatusSchema,
  CustomCapabilitiesSchema,
  EffectiveConfigSchema,
  formatAgentSettings,
  formatInstructionKinds,
  fromHex,
  recordToAttributes,
  RemoteConfigStatuses,
  RemoteConfigStatusSchema,
  type AgentDescription,
  type AgentSettings,
  type ConnectionSettingsStatus,
  type EffectiveConfig,
  type RemoteConfigStatus,
  type Upgrade,
} from "@tautline/protocol";
import type { CandidateState, CommittedState } from "../settings/agent-state.ts";
import { AGENT_VERSION } from "../version.ts";
import type { Status } from "./next-message.ts";

const NANOSECONDS_PER_MS = 1_000_000n;

/** What this host is, for central's record. */
export interface HostFacts {
  readonly hostName: string;
  /** OpenTelemetry's `os.type`, such as "linux". */
  readonly osType: string;
  readonly startedAtMs: number;
  /** How its agent gets a newer version, as people set it. */
  readonly upgrade: Upgrade;
  /** Kinds of signed instruction that people let it carry out. */
  readonly instructions: readonly string[];
}

/**
 * What a joined agent announces. It does not announce commands or packages, and refuses them; of connection settings it takes
 * only the renewed identity that it asked for.
 *
 * @param acceptsSettings false if the local settings allow no settings from central
 */
export function joinedCapabilities(acceptsSettings: boolean): bigint {
  const always =
    AgentCapability.ReportsStatus |
    AgentCapability.ReportsEffectiveConfig |
    AgentCapability.ReportsHealth |
    AgentCapability.ReportsRemoteConfig |
    AgentCapability.ReportsHeartbeat |
    AgentCapability.AcceptsOpAMPConnectionSettings |
    AgentCapability.ReportsConnectionSettingsStatus;
  return acceptsSettings ? always | AgentCapability.AcceptsRemoteConfig : always;
}

/**
 * The full status of an agent that has an identity, as its first message on each link tells it.
 *
 * @param state candidate or committed
 * @param name the label to report
 * @param host what this host is
 */
export function fullStatus(
  state: CandidateState | CommittedState,
  name: string,
  host: HostFacts,
): Status {
  const settings =
    state.state === "committed" ? { effectiveConfig: effectiveConfig(state.last.settings) } : {};
  return {
    agentDescription: describeAgent(state.agentId, name, host),
    health: create(ComponentHealthSchema, {
      healthy: true,
      startTimeUnixNano: BigInt(host.startedAtMs) * NANOSECONDS_PER_MS,
    }),
    customCapabilities: create(CustomCapabilitiesSchema, {
      capabilities: [
        CAPABILITY_INSTRUCTION,
        CAPABILITY_ENROLMENT,
        CAPABILITY_AUDIT,
        CAPABILITY_CERTIFICATE,
        CAPABILITY_STATUS,
        CAPABILITY_EDGE,
      ],
    }),
    connectionSettingsStatus: connectionSettingsStatus(state),
    remoteConfigStatus: remoteConfigStatus(state),
    ...settings,
  };
}

/**
 * Who the agent says it is: OpenTelemetry's `service.*` identify it, the rest helps people.
 *
 * @param agentId UUIDv7
 * @param name label for people
 * @param host what this host is
 */
export function describeAgent(agentId: string, name: string, host: HostFacts): AgentDescription {
  return create(AgentDescriptionSchema, {
    identifyingAttributes: recordToAttributes({
      "service.name": "tautline-agent",
      "service.instance.id": agentId,
      "service.version": AGENT_VERSION,
    }),
    nonIdentifyingAttributes: recordToAttributes({
      "host.name": host.hostName,
      "os.type": host.osType,
      [AGENT_ATTRIBUTES.name]: name,
      [AGENT_ATTRIBUTES.upgrade]: host.upgrade,
      [AGENT_ATTRIBUTES.instructions]: formatInstructionKinds(host.instructions),
    }),
  });
}

/**
 * The settings in force, as OpAMP's effective configuration.
 *
 * @param settings in force
 */
export function effectiveConfig(settings: AgentSettings): EffectiveConfig {
  const body = new TextEncoder().encode(formatAgentSettings(settings));
  const configMap = { [AGENT_SETTINGS_FILE]: { body, contentType: "application/json" } };
  return create(EffectiveConfigSchema, { configMap: { configMap } });
}

/**
 * Which configuration offer is in force, if any.
 *
 * @param state candidate or committed
 */
export function remoteConfigStatus(state: CandidateState | CommittedState): RemoteConfigStatus {
  const hash = state.state === "committed" ? state.last.configHash : undefined;
  if (hash === undefined)
    return create(RemoteConfigStatusSchema, { status: RemoteConfigStatuses.UNSET });
  return create(RemoteConfigStatusSchema, {
    status: RemoteConfigStatuses.APPLIED,
    lastRemoteConfigHash: fromHex(hash),
  });
}

/**
 * That an offer was refused; the one in force stays in force, as the effective configuration shows.
 *
 * @param hash of the refused offer
 * @param errorMessage why
 */
export function refusedConfigStatus(hash: Uint8Array, errorMessage: string): RemoteConfigStatus {
  return create(RemoteConfigStatusSchema, {
    status: RemoteConfigStatuses.FAILED,
    lastRemoteConfigHash: hash,
    errorMessage,
  });
}

/**
 * How far the connection settings granted last have come: APPLYING until central answered under them.
 *
 * @param state candidate or committed
 */
export function connectionSettingsStatus(
  state: CandidateState | CommittedState,
): ConnectionSettingsStatus {
  const next = state.state === "committed" ? state.renewal.next?.granted : undefined;
  const isProven = state.state === "committed" && next === undefined;
  return create(ConnectionSettingsStatusSchema, {
    lastConnectionSettingsHash: fromHex((next ?? state).identity.offerHash),
    status: isProven ? ConnectionSettingsStatuses.APPLIED : ConnectionSettingsStatuses.APPLYING,
  });
}

/**
 * That connection settings were refused, or did not work; those in use stay in use.
 *
 * @param errorMessage why
 */
export function failedConnectionSettings(errorMessage: string): ConnectionSettingsStatus {
  return create(ConnectionSettingsStatusSchema, {
    status: ConnectionSettingsStatuses.FAILED,
    errorMessage,
  });
}
