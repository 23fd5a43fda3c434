import type { Generated } from "kysely";

/** Changes of policy, those under way and those that were. Columns that end in `_json` hold JSON that policy/change-rows.ts reads and writes. */
export interface PolicyChangeTable {
  id: Generated<number>;
  /** Empty: every namespace there was when it began. */
  namespace: string;
  kinds_json: string;
  policy_json: string;
  /** What stood in each place before. */
  places_json: string;
  step: "opening" | "moving" | "closing" | "watching" | "done" | "undoing" | "undone";
  reason: string;
  /** As in the trail; empty for one that is not undone. */
  undone_by: string;
  /** Time spent in this step while central ran, milliseconds. */
  spent_ms: number;
  window_ms: number;
  /** Percent. */
  undo_if: number;
  /** 0: nobody is let back. */
  may_undo: number;
  started_by: string;
  started_at: number;
  step_at: number;
  ended_at: number | null;
  totals_json: string;
  /** What was listened to before, and after closing. */
  heard_before_json: string | null;
  heard_after_json: string | null;
  /** What became of the agents, once it has ended. */
  counts_json: string | null;
  /** 0 while anything is left to do. */
  settled: number;
}

/** The agents that a change has to do with. Of one that has ended those are kept of whom there is something to tell. */
export interface PolicyChangeAgentTable {
  change_id: number;
  agent_id: string;
  namespace: string;
  verdict: string;
  watched: number;
  move_to: string | null;
  lacking_json: string;
  met: number;
  excepted: number;
  lost: number;
  ended: number;
  code: string;
}
