import {
  type AgentToServer,
  attributesToRecord,
  type ComponentHealth,
  type RemoteConfigStatus,
  LIMITS,
  printableText,
  RemoteConfigStatuses,
  TautlineError,
  toHex,
} from "@tautline/protocol";
import type { StatusChange } from "../fleet/save-status.ts";

/** Hashes of configurations are the server's; ours have 32 bytes. */
export const MAX_HASH_BYTES = 64;

/**
 * Reads from a message what it changes about its agent; parts that the message leaves out are unchanged (OpAMP status compression).
 *
 * @param message a decoded message
 * @throws opamp.malformed for attributes and hashes beyond their limits
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
    ...(version === undefined
      ? {}
      : { version: printableText(version, LIMITS.agentVersionCharacters.value) }),
    ...(message.health === undefined ? {} : { health: healthOf(message.health) }),
    ...(message.remoteConfigStatus === undefined
      ? {}
      : { config: configOf(message.remoteConfigStatus) }),
  };
}

function healthOf(health: ComponentHealth): Readonly<Record<string, unknown>> {
  return {
    healthy: health.healthy,
    status: bounded(health.status),
    lastError: bounded(health.lastError),
  };
}

function configOf(report: RemoteConfigStatus): NonNullable<StatusChange["config"]> {
  const { lastRemoteConfigHash: hash } = report;
  if (hash.length > MAX_HASH_BYTES) {
    const reason = `the hash of its configuration has more than ${MAX_HASH_BYTES} bytes`;
    throw new TautlineError("opamp.malformed", { detail: { reason } });
  }
  const error = bounded(report.errorMessage);
  // An agent that was never given anything reports an empty hash.
  return { hash: hash.length === 0 ? null : toHex(hash), status: statusOf(report.status), error };
}

/** What an agent says of itself is shown to people, on terminals too. */
function bounded(text: string): string {
  return printableText(text, LIMITS.wireTextCharacters.value);
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
