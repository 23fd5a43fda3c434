import {
  type AgentToServer,
  attributesToRecord,
  type ComponentHealth,
  type RemoteConfigStatus,
  RemoteConfigStatuses,
  toHex,
} from "@tautline/protocol";
import type { StatusChange } from "../fleet/agent-store.ts";

const MAX_TEXT = 1_000;

/**
 * Reads from a message what it changes about its agent; parts that the message leaves out are unchanged (OpAMP status compression).
 *
 * @param message a decoded message
 */
export function statusChangeOf(message: AgentToServer): StatusChange {
  const description = message.agentDescription;
  const attributes =
    description === undefined
      ? undefined
      : {
          ...attributesToRecord(description.identifyingAttributes),
          ...attributesToRecord(description.nonIdentifyingAttributes),
        };
  const version = attributes?.["service.version"];
  return {
    ...(attributes === undefined ? {} : { attributes }),
    ...(version === undefined ? {} : { version }),
    ...(message.health === undefined ? {} : { health: healthOf(message.health) }),
    ...(message.remoteConfigStatus === undefined
      ? {}
      : { config: configOf(message.remoteConfigStatus) }),
  };
}

function healthOf(health: ComponentHealth): Readonly<Record<string, unknown>> {
  return {
    healthy: health.healthy,
    status: health.status.slice(0, MAX_TEXT),
    lastError: health.lastError.slice(0, MAX_TEXT),
  };
}

function configOf(report: RemoteConfigStatus): NonNullable<StatusChange["config"]> {
  return {
    // An agent that was never given anything reports an empty hash.
    hash: report.lastRemoteConfigHash.length === 0 ? null : toHex(report.lastRemoteConfigHash),
    status: statusOf(report.status),
    error: report.errorMessage.slice(0, MAX_TEXT),
  };
}

function statusOf(
  status: RemoteConfigStatus["status"],
): NonNullable<StatusChange["config"]>["status"] {
  switch (status) {
    case RemoteConfigStatuses.APPLIED:
      return "applied";
    case RemoteConfigStatuses.APPLYING:
      return "applying";
    case RemoteConfigStatuses.FAILED:
      return "failed";
    default:
      return "unset";
  }
}
