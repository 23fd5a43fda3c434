import type { ForwardTable } from "../store/forward-tables.ts";
import type { ForwardAllowance } from "./allowance.ts";

/** Which allowance is meant: names are unique in a namespace for all its agents, and for each agent alone. */
export interface ForwardPlace {
  readonly name: string;
  readonly namespace: string;
  /** The one agent it is for; undefined for every agent of the namespace. */
  readonly agentId?: string | undefined;
}

/**
 * Says of a row what it allows.
 *
 * @param row as it is stored
 */
export function allowanceOf(row: ForwardTable): ForwardAllowance {
  return {
    name: row.name,
    namespace: row.namespace,
    agent: row.agent_id === "" ? null : row.agent_id,
    direction: row.direction,
    target: row.target === "" ? null : row.target,
    operatorRole: row.operator_role === "" ? null : row.operator_role,
    alsoLocal: row.also_local === 1,
    proxyProtocol: row.proxy_protocol === 1,
    idleMs: row.idle_ms,
    totalMs: row.total_ms,
    maxStreams: row.max_streams,
    createdAt: new Date(row.created_at).toISOString(),
    createdBy: row.created_by,
  };
}

/**
 * The key under which a row stands; no part of it can hold the separator.
 *
 * @param place which allowance
 */
export function placeKey({ name, namespace, agentId = "" }: ForwardPlace): string {
  return `${namespace}/${agentId}/${name}`;
}
