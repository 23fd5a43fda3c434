/** Names that a key has or had: the versions of a name are counted on, so that `name#version` never means another key. */
export interface KeyNameTable {
  name: string;
  last_version: number;
}

/** The shared keys. */
export interface KeyTable {
  name: string;
  /** Its own: a key that is made again under a name is another one. */
  id: string;
  namespace: string;
  /** The one agent it was given to, which may not have come yet; null for a key of the whole namespace. */
  agent_id: string | null;
  created_at: number;
  created_by: string;
}

/** The versions of keys that live, at most two of one key; what was removed leaves no row. */
export interface KeyVersionTable {
  key_name: string;
  version: number;
  state: "current" | "next" | "previous";
  /** The 32 bytes that are derived from its text; the text itself is kept nowhere. */
  sealed_key: Uint8Array;
  /** Why its text is weak; null where nothing speaks against it. */
  weakness: string | null;
  created_at: number;
  created_by: string;
}

/** Over which version of a key an agent was answered last, one row a key and agent. */
export interface KeyUseTable {
  key_name: string;
  /** As it called itself: at these levels an id may be a claim. */
  agent_id: string;
  version: number;
  level: "basic" | "advanced";
  remote_address: string;
  used_at: number;
}
