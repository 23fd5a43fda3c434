import type { Generated } from "kysely";

/** Combinations of evidence, referred to by their small numbers; an empty text means "not known". */
export interface HistoryProfileTable {
  id: Generated<number>;
  level: string;
  protocol: string;
  cipher: string;
  key_group: string;
  pq: number;
  server_proven: number;
  client_proven: number;
  forward_secret: number;
  credential: "certificate" | "key" | "none";
}

/** Names that the history refers to by small numbers: components of agents, and codes of refusals. */
export interface HistoryNameTable {
  id: Generated<number>;
  sort: "component" | "code";
  name: string;
}

/** What was seen of agents: one row a run of days. */
export interface HistorySpanTable {
  /** The agent's id, 16 bytes. */
  agent: Uint8Array;
  kind: number;
  component: number;
  profile: number;
  /** Why it was refused; 0 for links that were taken. */
  code: number;
  first_at: number;
  last_at: number;
  days: number;
  links: number;
  address: string;
}

/** Refused attempts of nobody known, by network and reason. */
export interface HistoryStrangerTable {
  network: string;
  code: string;
  first_at: number;
  last_at: number;
  attempts: number;
}
