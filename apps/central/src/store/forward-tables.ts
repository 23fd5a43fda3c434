/** What agents may have central connect to; what is denied leaves no row. */
export interface ForwardTable {
  namespace: string;
  /** The one agent it is for; empty for every agent of the namespace. */
  agent_id: string;
  name: string;
  /** "host:port" as it was allowed. */
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
