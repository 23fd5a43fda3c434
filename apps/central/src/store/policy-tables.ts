/** What is asked of the links of a namespace, by kind; where nothing was set there is no row. */
export interface LinkPolicyTable {
  namespace: string;
  kind: string;
  /** Levels, in rising order, separated by commas. */
  accept: string;
  client_proof: string;
  post_quantum: string;
  loopback: string;
  changed_at: number;
  changed_by: string;
}

/** Who may use a level although the policy says no. */
export interface PolicyExceptionTable {
  agent_id: string;
  kind: string;
  /** The agent's. */
  namespace: string;
  level: string;
  reason: string;
  /** The change that it was made by; null for none. */
  change_id: string | null;
  since: number;
}
