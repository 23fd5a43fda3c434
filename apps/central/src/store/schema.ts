import type { RevocationReason } from "@tautline/pki";
import type { CertificateUse, Level, OperatorRole } from "@tautline/protocol";
import type { Generated, Insertable, Selectable } from "kysely";
import type { ForwardTable } from "./forward-tables.ts";
import type {
  HistoryNameTable,
  HistoryProfileTable,
  HistorySpanTable,
  HistoryStrangerTable,
} from "./history-tables.ts";
import type { KeyNameTable, KeyTable, KeyUseTable, KeyVersionTable } from "./key-tables.ts";
import type { ListenerTable } from "./listener-tables.ts";
import type { PolicyChangeAgentTable, PolicyChangeTable } from "./policy-change-tables.ts";
import type {
  ReceiverBackendTable,
  ReceiverClaimantTable,
  ReceiverClientTable,
  ReceiverTokenTable,
} from "./receiver-tables.ts";
import type { LinkPolicyTable, PolicyExceptionTable } from "./policy-tables.ts";
import type { ProgramNameTable } from "./program-tables.ts";
import type { PlaintextReopeningTable, PlaintextReopeningToldTable } from "./reopening-tables.ts";

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

/** What an authority certifies. */
export type AuthorityKind = "root" | "agents" | "services";

/** The certificate authorities with their sealed keys. */
export interface AuthorityTable {
  id: string;
  /** Of one that was replaced by a later one: its own word, so that its place is free. */
  kind: AuthorityKind | `retired:${string}`;
  /** Empty for authorities that serve every namespace. */
  namespace: string;
  certificate_pem: string;
  sealed_key: Uint8Array;
  serial: string;
  not_after: number;
  /** What it was, once it is replaced: what it certified stays good, but it certifies nothing more. */
  retired_kind: Generated<AuthorityKind | null>;
  retired_at: Generated<number | null>;
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
  /** 1: whoever joins with it waits until an operator approves. */
  approve: Generated<number>;
}

/** Where an agent stands in its life, as it is recorded; what people are shown is derived from it (fleet/life-rule.ts). */
export type AgentState =
  | "unproven"
  | "keyed"
  | "pending"
  | "joining"
  | "active"
  | "quarantined"
  | "declined"
  | "revoked";

/** The registered agents and what they last reported. */
export interface AgentTable {
  id: string;
  namespace: string;
  name: string;
  /**
   * `joining` from the moment it may have certificates until its first message over a proven link is answered. Of `unproven` and `keyed` id and
   * name are claims; token and pins are empty then.
   */
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
  quarantined_at: Generated<number | null>;
  /** The state it goes back to when it is released. */
  quarantined_from: Generated<"joining" | "active" | null>;
  /** The agent that took its place. */
  replaced_by: Generated<string | null>;
  /** Its clock minus central's, as it said last; milliseconds. */
  clock_offset_ms: Generated<number | null>;
  /** The addresses of central it was offered last: SHA-256 of the instruction's subject, the list as JSON, how that went and when. */
  addresses_hash: Generated<string | null>;
  addresses_offered: Generated<string | null>;
  addresses_status: Generated<"unset" | "offered" | "applied" | "failed">;
  addresses_error: Generated<string>;
  addresses_at: Generated<number | null>;
  /** The level it was ordered to climb to, how that went, the number of the instruction that said so last, and when. */
  move_level: Generated<Level | null>;
  move_status: Generated<"unset" | "waiting" | "offered" | "applied" | "failed">;
  move_error: Generated<string>;
  move_seq: Generated<number | null>;
  move_at: Generated<number | null>;
  /** When an operator had it told where it can join, and when it was told last; of agents without an identity. */
  promoted_at: Generated<number | null>;
  promotion_told_at: Generated<number | null>;
}

/** A request that an operator decides, at most one an agent; gone when what it asks for was issued. */
export interface ApprovalTable {
  agent_id: string;
  /** `renewal`: its certificate ended longer ago than central renews by itself. */
  kind: "join" | "renewal";
  /** The keys it asks certificates for, and nothing else is approved. */
  client_pin: string;
  server_pin: string;
  remote_address: string;
  requested_at: number;
  /** When the certificate ended by whose key a renewal is asked for. */
  expired_at: number | null;
  decision: Generated<"approved" | "declined" | null>;
  decided_at: Generated<number | null>;
  decided_by: Generated<string | null>;
}

/** What is left of a deleted agent: its id is never given to another (A3). */
export interface DeletedAgentTable {
  id: string;
  namespace: string;
  name: string;
  deleted_at: number;
}

/** Keys that belong to an agent whatever certificates say: those of candidates, and of the deleted (A3, A17). */
export interface ReservedKeyTable {
  pin: string;
  agent_id: string;
}

/** Every certificate this central has issued. */
export interface CertificateTable {
  serial: string;
  issuer_id: string;
  /** Null for certificates of central itself and of programs: whose identity it is. */
  agent_id: string | null;
  purpose: CertificateUse;
  /** The SPIFFE ID in it; of a program's certificate all its names, with commas between. */
  name: string;
  pin: string;
  pem: string;
  not_before: number;
  not_after: number;
  revoked_at: number | null;
  /** Null for what is not revoked, or without a reason. */
  revoked_reason: Generated<RevocationReason | null>;
  /** Number of the identity it belongs to; 0 is the join's, and of certificates of central itself. */
  renewal_counter: Generated<number>;
  /** Of a program's certificate: where it belongs, empty for none; null for identities. */
  program_namespace: Generated<string | null>;
  /** The agent on whose host the program runs and that keeps the files; null where an operator had it made. */
  program_agent: Generated<string | null>;
}

/** The newest revocation list of each authority. */
export interface CrlTable {
  authority_id: string;
  number: number;
  this_update: number;
  next_update: number;
  entries: number;
  /** What was revoked when it was made, by number and newest time: where that has changed, another is due. */
  covers: string;
  der: Uint8Array;
}

/** Counters that every process on the database watches. */
export interface CounterTable {
  /** `endings`: rises with each certificate, agent or token that ends; `keys`: with each version of a shared key that comes, changes or goes; `forwards`: with each that is allowed or denied; `receiver`: with each backend, each token of a telemetry client and each list of what may be claimed that comes, changes or goes; `policies`: with each policy, exception or namespace that comes, changes or goes; `reopenings`: with each of plaintext that begins or ends. Counted by triggers. */
  name: "endings" | "keys" | "forwards" | "policies" | "receiver" | "reopenings";
  value: number;
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

/** The keys that sign checkpoints of the audit trail, each certified by the root. */
export interface AuditKeyTable {
  number: number;
  statement: string;
  statement_signature: Uint8Array;
  sealed_key: Uint8Array;
}

/** The signed checkpoints. */
export interface AuditCheckpointTable {
  number: number;
  /** The entry that was the trail's last. */
  seq: number;
  /** Of `body`; the next one's "previous". */
  hash: string;
  body: string;
  signature: Uint8Array;
  key_number: number;
}

/** Checkpoints that agents have seen and this trail does not have; `seen` and `shown` are the JSON of signed checkpoints. */
export interface AuditForkTable {
  /** First 16 characters of the hash of what was seen. */
  id: string;
  seen: string;
  shown: string;
  found_at: number;
  acknowledged_at: number | null;
}

/** Which agents have seen it. */
export interface AuditForkWitnessTable {
  fork_id: string;
  agent_id: string;
  found_at: number;
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
  approvals: ApprovalTable;
  deleted_agents: DeletedAgentTable;
  reserved_keys: ReservedKeyTable;
  certificates: CertificateTable;
  crls: CrlTable;
  counters: CounterTable;
  links: LinkTable;
  settings: SettingTable;
  listeners: ListenerTable;
  forwards: ForwardTable;
  receiver_backends: ReceiverBackendTable;
  receiver_clients: ReceiverClientTable;
  receiver_claimants: ReceiverClaimantTable;
  receiver_tokens: ReceiverTokenTable;
  policy_changes: PolicyChangeTable;
  policy_change_agents: PolicyChangeAgentTable;
  link_policies: LinkPolicyTable;
  policy_exceptions: PolicyExceptionTable;
  program_names: ProgramNameTable;
  plaintext_reopenings: PlaintextReopeningTable;
  plaintext_reopening_told: PlaintextReopeningToldTable;
  instructions: InstructionTable;
  operators: OperatorTable;
  audit: AuditTable;
  audit_keys: AuditKeyTable;
  audit_checkpoints: AuditCheckpointTable;
  audit_forks: AuditForkTable;
  audit_fork_witnesses: AuditForkWitnessTable;
  key_names: KeyNameTable;
  keys: KeyTable;
  key_versions: KeyVersionTable;
  key_uses: KeyUseTable;
  history_profiles: HistoryProfileTable;
  history_names: HistoryNameTable;
  history_spans: HistorySpanTable;
  history_strangers: HistoryStrangerTable;
}

/** A token as it is read. */
export type TokenRow = Selectable<TokenTable>;
/** An agent as it is read. */
export type AgentRow = Selectable<AgentTable>;
/** A request for approval as it is read. */
export type ApprovalRow = Selectable<ApprovalTable>;
/** A certificate as it is read. */
export type CertificateRow = Selectable<CertificateTable>;
/** A certificate as it is written. */
export type NewCertificate = Insertable<CertificateTable>;
/** A link as it is read and written. */
export type LinkRow = Selectable<LinkTable>;
/** An operator as it is read and written. */
export type OperatorRow = Selectable<OperatorTable>;
