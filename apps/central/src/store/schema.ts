import type { OperatorRole } from "@tautline/protocol";
import type { Generated, Insertable, Selectable } from "kysely";
import type {
  HistoryNameTable,
  HistoryProfileTable,
  HistorySpanTable,
  HistoryStrangerTable,
} from "./history-tables.ts";

/*
 * Times are milliseconds since the epoch; ids, serials, pins and hashes are lower-case hex or canonical text.
 * Columns named sealed_* hold bytes that only the vault opens.
 */

/** What the data folder is: one row a fact. */
export interface MetaTable {
  key: string;
  value: string;
}

/** The vault's header, one row. */
export interface VaultHeaderTable {
  id: number;
  header: string;
}

/** The namespaces. */
export interface NamespaceTable {
  name: string;
  created_at: number;
}

/** The certificate authorities with their sealed keys. */
export interface AuthorityTable {
  id: string;
  kind: "root" | "agents" | "services";
  /** Empty for authorities that serve every namespace. */
  namespace: string;
  certificate_pem: string;
  sealed_key: Uint8Array;
  serial: string;
  not_after: number;
}

/** The keys that sign instructions, one an epoch. */
export interface InstructorTable {
  epoch: number;
  public_key_pem: string;
  sealed_key: Uint8Array;
  created_at: number;
}

/** The enrolment tokens. */
export interface TokenTable {
  id: string;
  namespace: string;
  sealed_secret_hash: Uint8Array;
  uses_allowed: number;
  uses_made: number;
  created_at: number;
  created_by: string;
  expires_at: number;
  revoked_at: number | null;
}

/** Where an agent stands in its life. */
export type AgentState = "active" | "joining" | "revoked";

/** The registered agents and what they last reported. */
export interface AgentTable {
  id: string;
  namespace: string;
  name: string;
  /** `joining` until its first message over mutual TLS is answered. */
  state: AgentState;
  joined_at: number;
  token_id: string;
  client_pin: string;
  server_pin: string;
  version: string;
  attributes: string;
  health: string | null;
  last_seen_at: number | null;
  level: string | null;
  key_group: string | null;
  config_hash: string | null;
  config_status: "unset" | "applied" | "applying" | "failed";
  config_error: string;
  instruction_seq: number;
  /** Newest number granted; 0 is the join's. `client_pin` and `server_pin` are its keys. */
  renewal_counter: Generated<number>;
  /** Newest number under which a message was answered. */
  proven_counter: Generated<number>;
  renewed_at: Generated<number | null>;
  /** When an older identity, or an old number with other keys, asked to be renewed. */
  clone_suspected_at: Generated<number | null>;
  /** What the suspect asked for: decimal number, and the pin of its client key. */
  clone_counter: Generated<string | null>;
  clone_pin: Generated<string | null>;
}

/** Every certificate this central has issued. */
export interface CertificateTable {
  serial: string;
  issuer_id: string;
  /** Null for certificates of central itself. */
  agent_id: string | null;
  purpose: "client" | "server";
  name: string;
  pin: string;
  pem: string;
  not_before: number;
  not_after: number;
  revoked_at: number | null;
  /** Number of the identity it belongs to; 0 is the join's, and of certificates of central itself. */
  renewal_counter: Generated<number>;
}

/** The live links of every central on this database. */
export interface LinkTable {
  id: string;
  central_id: string;
  kind: string;
  agent_id: string;
  component: string;
  transport: "websocket" | "polling";
  remote_address: string;
  level: string;
  protocol: string | null;
  cipher: string | null;
  key_group: string | null;
  pq: number;
  server_proven: number;
  client_proven: number;
  forward_secret: number;
  peer_id: string | null;
  peer_serial: string | null;
  key_id: string | null;
  since: number;
  last_message_at: number;
}

/** What operators have set for agents. */
export interface SettingTable {
  /** Empty for settings of every namespace. */
  namespace: string;
  key: string;
  value: string;
  changed_at: number;
}

/** Every instruction signed, and what became of it. */
export interface InstructionTable {
  agent_id: string;
  epoch: number;
  seq: number;
  kind: string;
  digest: string;
  created_at: number;
  expires_at: number;
  outcome: "issued" | "carried out" | "refused";
  code: string;
}

/** People and programs that use the API, each by one token. */
export interface OperatorTable {
  name: string;
  token_id: string;
  role: OperatorRole;
  /** Empty for operators of every namespace. */
  namespace: string;
  sealed_secret_hash: Uint8Array;
  created_at: number;
  created_by: string;
  expires_at: number;
  disabled_at: number | null;
}

/** The audit trail: body as it was hashed, and the chain. */
export interface AuditTable {
  seq: Generated<number>;
  previous: string;
  hash: string;
  body: string;
}

/** The tables by name, for the query builder. */
export interface Schema {
  meta: MetaTable;
  vault_header: VaultHeaderTable;
  namespaces: NamespaceTable;
  authorities: AuthorityTable;
  instructors: InstructorTable;
  tokens: TokenTable;
  agents: AgentTable;
  certificates: CertificateTable;
  links: LinkTable;
  settings: SettingTable;
  instructions: InstructionTable;
  operators: OperatorTable;
  audit: AuditTable;
  history_profiles: HistoryProfileTable;
  history_names: HistoryNameTable;
  history_spans: HistorySpanTable;
  history_strangers: HistoryStrangerTable;
}

/** A token as it is read. */
export type TokenRow = Selectable<TokenTable>;
/** An agent as it is read. */
export type AgentRow = Selectable<AgentTable>;
/** A certificate as it is read. */
export type CertificateRow = Selectable<CertificateTable>;
/** A certificate as it is written. */
export type NewCertificate = Insertable<CertificateTable>;
/** A link as it is read and written. */
export type LinkRow = Selectable<LinkTable>;
/** An operator as it is read and written. */
export type OperatorRow = Selectable<OperatorTable>;
