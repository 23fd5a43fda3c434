/** Where telemetry goes, and what is asked of it; what is removed leaves no row. */
export interface ReceiverBackendTable {
  name: string;
  /** "host:port", in the order to try, separated by commas. */
  targets: string;
  protocol: "grpc" | "http";
  /** Paths and beginnings of paths, separated by blanks; empty for what no other backend of the protocol takes. */
  routes: string;
  /** How central reaches it; with `ca` and `pin`, what it is known by stands in `trust`. */
  tls: "off" | "system" | "ca" | "pin";
  /** PEM of authorities, or pins (base64url of SHA-256 of SPKI) separated by commas. */
  trust: string;
  /** Accepted levels, separated by commas. */
  levels: string;
  /** Whose callers it takes; empty for every namespace's. */
  namespace: string;
  /** 1: no call without a client's token. */
  require_token: number;
  /** 1: callers without certificate and token are taken. */
  anonymous: number;
  /** 1: a name may lead to a loopback address. */
  also_local: number;
  /** What is done where a message claims to be of somebody else. */
  claims: "off" | "log" | "refuse";
  created_at: number;
  created_by: string;
}

/** Programs that send telemetry and are known by a token. */
export interface ReceiverClientTable {
  name: string;
  namespace: string;
  created_at: number;
  created_by: string;
}

/** Their tokens; of each only a sealed hash is kept. */
export interface ReceiverTokenTable {
  id: string;
  client: string;
  sealed_secret_hash: Uint8Array;
  created_at: number;
  created_by: string;
  expires_at: number;
  /** Null while it is good. */
  revoked_at: number | null;
  /** Why, in a few words; empty while it is good. */
  revoked_why: string;
}

/** What senders of telemetry may claim to be. */
export interface ReceiverClaimantTable {
  /** "client:NAME" and the like. */
  claimant: string;
  /** Where it belongs; empty for what belongs to none. */
  namespace: string;
  /** Names, a line each; never empty. */
  services: string;
  /** Names, a line each; empty for any. */
  instances: string;
  created_at: number;
  created_by: string;
}
