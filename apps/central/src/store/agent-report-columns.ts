import type { Generated } from "kysely";

/** What an agent said of itself last: nothing is decided by it. */
export interface AgentReportColumns {
  version: string;
  attributes: string;
  health: string | null;
  /** Of its edge, as JSON, and when; and when its losses were last seen to have grown. */
  edge_report: Generated<string | null>;
  edge_told_at: Generated<number | null>;
  edge_lost_at: Generated<number | null>;
}
