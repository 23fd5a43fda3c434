import type { Logger } from "@tautline/daemon";
import type { Level, LinkPolicy, PolicyFacts } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Store, Writer } from "../store/store.ts";
import type { Heard } from "./heard-rule.ts";
import type { Plan, Wanted } from "./plan.ts";
import type { PolicyKind } from "./policy-kind.ts";

/** How an order to climb stands with one agent. */
export interface OrderStatus {
  readonly level: Level;
  readonly status: "offered" | "applied" | "failed" | "waiting";
  /** Why it failed; empty otherwise. */
  readonly error: string;
}

/** Tells agents to climb. */
export interface ChangeOrders {
  order(agentIds: readonly string[], level: Level, actor: string): Promise<void>;
  withdraw(agentIds: readonly string[]): Promise<void>;
  statusOf(agentIds: readonly string[]): Promise<ReadonlyMap<string, OrderStatus>>;
}

/** An exception to a policy, as a change makes it. */
export interface ChangeException {
  readonly agentId: string;
  readonly kind: PolicyKind;
  readonly level: Level;
  readonly reason: string;
  readonly changeId: string | null;
  readonly sinceMs: number;
}

/** The policies that hold, for a change to read and set. What is set is in force when `follow` has resolved. */
export interface ChangePolicies {
  /** Undefined where nobody has set one. */
  policyAt(namespace: string, kind: PolicyKind): LinkPolicy | undefined;
  exceptionAt(agentId: string, kind: PolicyKind): ChangeException | undefined;
  exceptions(): readonly ChangeException[];
  /** Levels that some policy or exception needs. */
  needed(): readonly Level[];
  /** Whether any policy keeps plaintext from central's own host. */
  loopback(): LinkPolicy["loopback"];
  set(
    trx: Writer,
    order: {
      readonly namespace: string;
      readonly kind: PolicyKind;
      readonly policy: LinkPolicy | undefined;
      readonly actor: string;
      readonly atMs: number;
    },
  ): Promise<void>;
  except(trx: Writer, exception: ChangeException): Promise<void>;
  endException(
    trx: Writer,
    which: { readonly agentId: string; readonly kind: PolicyKind },
  ): Promise<void>;
  follow(): Promise<void>;
}

/** What central's ports listen to, for a change to see and change. */
export interface ChangeListeners {
  heard(): Heard;
  /** @throws central.address_in_use, central.cannot_listen, store.* */
  go(then: Heard, actor: string): Promise<void>;
}

/** A live control link, as far as a policy judges it. */
export interface LinkedAgent extends PolicyFacts {
  readonly agentId: string;
  readonly namespace: string;
}

/** What changes of policy work on. */
export interface ChangeDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly now: () => number;
  readonly plan: (wanted: Wanted, sinceMs?: number) => Promise<Plan>;
  readonly orders: ChangeOrders;
  readonly policies: ChangePolicies;
  readonly listeners: ChangeListeners;
  /** The live control links of every process, a page at a time. */
  readonly linked: () => AsyncIterable<readonly LinkedAgent[]>;
  readonly namespaces: () => Promise<readonly string[]>;
}
