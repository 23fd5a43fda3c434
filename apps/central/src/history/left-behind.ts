import type { LinkKind } from "@tautline/protocol";
import { evidenceOfRow } from "../fleet/link-store.ts";
import type { LinkRow } from "../store/schema.ts";
import type { ObservedLink } from "./history-recorder.ts";

/**
 * Reads what an earlier run last saw of a link that it could not close.
 *
 * @param row of the table of live links
 */
export function leftBehind(row: LinkRow): ObservedLink & { readonly lastMs: number } {
  return {
    agentId: row.agent_id,
    remoteAddress: row.remote_address,
    kind: row.kind as LinkKind,
    component: row.component,
    lastMs: row.last_message_at,
    evidence: evidenceOfRow(row),
  };
}
