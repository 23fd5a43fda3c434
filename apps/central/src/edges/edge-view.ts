import type { EdgeReport } from "@tautline/protocol";
import type { AgentRow } from "../store/schema.ts";

/** What an agent said of its edge last, as lists show it. */
export interface EdgeView extends Omit<EdgeReport, "trouble" | "troubleAtMs"> {
  /** When it said so; it says nothing while nothing changes. */
  readonly toldAt: string;
  /** When its losses were last seen to have grown, by central's clock; null where it lost nothing. */
  readonly lostAt: string | null;
  /** What went wrong last, by the agent's clock; null where nothing did. */
  readonly trouble: { readonly code: string; readonly at: string } | null;
}

/**
 * Shows what an agent said of its edge.
 *
 * @param row of the agent
 * @returns null where it has none, or has not said anything of it
 */
export function edgeView({
  edge_report: text,
  edge_told_at: toldAtMs,
  edge_lost_at: lostAtMs,
}: Pick<AgentRow, "edge_report" | "edge_told_at" | "edge_lost_at">): EdgeView | null {
  if (text === null || toldAtMs === null) return null;
  const { trouble: code, troubleAtMs, ...report } = JSON.parse(text) as EdgeReport;
  return {
    toldAt: new Date(toldAtMs).toISOString(),
    lostAt: lostAtMs === null ? null : new Date(lostAtMs).toISOString(),
    ...report,
    trouble: code === "" ? null : { code, at: new Date(troubleAtMs).toISOString() },
  };
}
