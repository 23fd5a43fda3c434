import type { Vault } from "@tautline/vault";
import type { AuditLog } from "../audit/audit-log.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import type { CertificateCatalogue } from "../authority/certificate-catalogue.ts";
import type { Offers } from "../control/offers.ts";
import type { TokenStore } from "../enrolment/token-store.ts";
import type { AgentLife } from "../fleet/agent-life.ts";
import type { AgentStore } from "../fleet/agent-store.ts";
import type { LinkStore } from "../fleet/link-store.ts";
import type { EvidenceHistory } from "../history/evidence-history.ts";
import type { ForwardStore } from "../forwards/forward-store.ts";
import type { Services } from "../services/services.ts";
import type { StreamTable } from "../forwards/stream-table.ts";
import type { KeyStore } from "../keys/key-store.ts";
import type { ReceiverGlance } from "../receiver/receiver-glance.ts";
import type { ReceiverApi } from "../receiver/receiver-api.ts";
import type { NamespaceStore } from "../fleet/namespace-store.ts";
import type { OperatorStore } from "../operators/operator-store.ts";
import type { PolicyChanges } from "../policy/change-engine.ts";
import type { Plan, Wanted } from "../policy/plan.ts";
import type { ReopeningApi } from "../reopening/reopening-api.ts";
import type { Revocations } from "../revocation/revocations.ts";
import type { Listeners } from "../listeners/listeners.ts";
import type { LevelOrders } from "../moves/level-orders.ts";
import type { Policies } from "../policy/policies.ts";
import type { Programs } from "../programs/programs.ts";
import type { SettingStore } from "../settings/setting-store.ts";

/** What central says of itself. */
export interface CentralStatus {
  readonly version: string;
  readonly trustDomain: string;
  readonly startedAt: string;
  readonly dataDir: string;
  readonly agents: string;
  /** Null where plaintext is not accepted. */
  readonly plaintext: string | null;
  readonly console: string;
  readonly rootPin: string;
  readonly counts: { readonly agents: number; readonly links: number; readonly tokens: number };
  readonly receiver: ReceiverGlance;
}

/** What the API's routes work on. */
export interface ApiDeps {
  readonly status: () => Promise<CentralStatus>;
  readonly vault: Vault;
  readonly tokens: TokenStore;
  readonly agents: AgentStore;
  readonly life: AgentLife;
  readonly moves: Pick<LevelOrders, "orderOne">;
  readonly links: LinkStore;
  readonly history: EvidenceHistory;
  readonly endAgent: (id: string) => void;
  readonly keys: KeyStore;
  readonly forwards: ForwardStore;
  readonly services: Pick<Services, "judge" | "serve">;
  readonly streams: Pick<StreamTable, "all">;
  readonly receiver: ReceiverApi;
  readonly namespaces: NamespaceStore;
  readonly settings: SettingStore;
  readonly listeners: Listeners;
  readonly policies: Pick<Policies, "book">;
  readonly certificates: CertificateCatalogue;
  readonly programs: Programs;
  readonly revocations: Revocations;
  readonly audit: AuditLog;
  readonly trail: AuditTrail;
  readonly operators: OperatorStore;
  readonly changes: Pick<PolicyChanges, "apply" | "undo" | "list" | "get">;
  readonly reopening: Omit<ReopeningApi, "step">;
  /** What becomes of the fleet under a policy, by the links since a time, or of the last thirty days. */
  readonly plan: (wanted: Wanted, sinceMs?: number) => Promise<Plan>;
  readonly offers: Pick<Offers, "ofAgents" | "ofLinks">;
}
