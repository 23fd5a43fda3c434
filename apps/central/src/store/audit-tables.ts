import type { Generated } from "kysely";

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
