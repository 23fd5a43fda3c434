/* Equipment: the row of a link that no process holds. No tests of its own. */
import type { LinkRow } from "../store/schema.ts";

/** A row as a killed central leaves it. */
export function linkRowOf(agentId: string, centralId: string): LinkRow {
  return {
    id: "left-behind",
    central_id: centralId,
    kind: "control",
    agent_id: agentId,
    component: "agent",
    transport: "websocket",
    remote_address: "192.0.2.1",
    level: "mtls",
    protocol: "TLSv1.3",
    cipher: null,
    key_group: null,
    pq: 0,
    server_proven: 1,
    client_proven: 1,
    forward_secret: 1,
    peer_id: null,
    peer_serial: null,
    key_id: null,
    since: 0,
    last_message_at: 0,
  };
}
