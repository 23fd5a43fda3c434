import type { Vault } from "@tautline/vault";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Store } from "../store/store.ts";

/** What the authority needs; lifetimes in milliseconds. */
export interface AuthorityDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly now: () => number;
  readonly trustDomain: string;
  readonly lifetimes: {
    readonly agentLifetime: number;
    readonly centralLifetime: number;
    readonly fileLifetime: number;
    readonly intermediateLifetime: number;
    readonly rootLifetime: number;
  };
}
