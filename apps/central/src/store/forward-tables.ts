import type { OperatorRole } from "@tautline/protocol";

/** What agents may have central connect to, and which of their services operators may open; what is denied leaves no row. */
export interface ForwardTable {
  namespace: string;
  /** The one agent it is for; empty for every agent of the namespace. */
  agent_id: string;
  name: string;
  /** "out": an agent reaches a target beyond central; "in": an operator reaches a service of the agent's host. */
  direction: "out" | "in";
  /** The least role that may open it; empty where the direction is "out". */
  operator_role: OperatorRole | "";
  /** "host:port" as it was allowed; empty where the direction is "in". */
  target: string;
  /** 1: a name may lead to a loopback address. */
  also_local: number;
  /** 1: the target is sent a PROXY header. */
  proxy_protocol: number;
  idle_ms: number;
  total_ms: number;
  max_streams: number;
  created_at: number;
  created_by: string;
}
