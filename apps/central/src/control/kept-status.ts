import { createHash } from "node:crypto";
import {
  type AgentToServer,
  CAPABILITY_STATUS,
  equalBytes,
  type KeptStatus,
  statusText,
} from "@tautline/protocol";
import type { StatusChange } from "../fleet/save-status.ts";
import type { AgentRow } from "../store/schema.ts";

/**
 * Tells whether central has the status that an agent says to have, so that it need not be told again on a new link.
 *
 * @param agent its row from when the link was admitted
 * @param change what this message changes of it
 * @param message whose custom message may carry the digest of the full status; without one central cannot know
 */
export function hasStatusOf(
  agent: Pick<AgentRow, "attributes" | "health" | "config_hash" | "config_status" | "config_error">,
  change: StatusChange,
  { customMessage: custom }: Pick<AgentToServer, "customMessage">,
): boolean {
  if (custom?.capability !== CAPABILITY_STATUS || custom.type !== "unchanged") return false;
  const kept = {
    attributes: change.attributes ?? (JSON.parse(agent.attributes) as KeptStatus["attributes"]),
    health: (change.health ?? JSON.parse(agent.health ?? "null")) as KeptStatus["health"],
    config: change.config ?? {
      hash: agent.config_hash,
      status: agent.config_status,
      error: agent.config_error,
    },
  };
  return equalBytes(createHash("sha256").update(statusText(kept)).digest(), custom.data);
}
