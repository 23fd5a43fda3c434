import type { LinkEvidence, LinkKind } from "@tautline/protocol";
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
    evidence: {
      level: row.level as LinkEvidence["level"],
      protocol: row.protocol,
      cipher: row.cipher,
      group: row.key_group,
      pq: row.pq === 1,
      serverProven: row.server_proven === 1,
      clientProven: row.client_proven === 1,
      forwardSecret: row.forward_secret === 1,
      peerId: row.peer_id,
      peerSerial: row.peer_serial,
      keyId: row.key_id,
      since: new Date(row.since).toISOString(),
    },
  };
}
