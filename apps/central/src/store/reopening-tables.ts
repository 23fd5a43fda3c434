import type { Generated } from "kysely";

/** Re-openings of plaintext, those that are open and those that were. */
export interface PlaintextReopeningTable {
  id: Generated<number>;
  /** Of source addresses, separated by commas. */
  ranges: string;
  opened_at: number;
  /** As in the trail. */
  opened_by: string;
  until: number;
  ended_at: number | null;
  /** As in the trail: `central` at its deadline; empty while it is open. */
  ended_by: string;
}

/** Whom a re-opening told where to join. */
export interface PlaintextReopeningToldTable {
  reopening_id: number;
  /** What it said to be. */
  agent_id: string;
  /** The first time. */
  told_at: number;
  address: string;
}
