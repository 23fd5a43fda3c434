import { createHash } from "node:crypto";
import {
  attributesToRecord,
  type KeptStatus,
  RemoteConfigStatuses,
  statusText,
  toHex,
} from "@tautline/protocol";
import type { Status } from "./next-message.ts";

/**
 * The digest that tells central what status this agent would report, so that what central has already need not be sent again.
 *
 * @param status the full status
 * @returns 32 bytes
 */
export function statusDigest(status: Status): Uint8Array {
  return createHash("sha256")
    .update(statusText(keptOf(status)))
    .digest();
}

/** As central keeps it: both lists of attributes in one, and of the settings how they went. */
function keptOf({ agentDescription, health, remoteConfigStatus }: Status): KeptStatus {
  const { lastRemoteConfigHash: hash = new Uint8Array() } = remoteConfigStatus ?? {};
  return {
    attributes: {
      ...attributesToRecord(agentDescription?.identifyingAttributes ?? []),
      ...attributesToRecord(agentDescription?.nonIdentifyingAttributes ?? []),
    },
    health: health === undefined ? null : { ...pickHealth(health) },
    config: {
      hash: hash.length === 0 ? null : toHex(hash),
      status: STATUSES.get(remoteConfigStatus?.status) ?? "unset",
      error: remoteConfigStatus?.errorMessage ?? "",
    },
  };
}

function pickHealth({
  healthy,
  status,
  lastError,
}: NonNullable<Status["health"]>): NonNullable<KeptStatus["health"]> {
  return { healthy, status, lastError };
}

const STATUSES: ReadonlyMap<unknown, KeptStatus["config"]["status"]> = new Map([
  [RemoteConfigStatuses.APPLIED, "applied"],
  [RemoteConfigStatuses.APPLYING, "applying"],
  [RemoteConfigStatuses.FAILED, "failed"],
]);
