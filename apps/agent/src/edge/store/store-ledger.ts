import { join } from "node:path";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { Loss } from "./losses.ts";
import { type EdgeTotals, NEW_STORE, readStoreState, writeStoreState } from "./store-state.ts";

/** What a ledger needs of its store. */
export interface StoreLedgerOptions {
  readonly folder: string;
  readonly vault: Pick<Vault, "seal" | "open">;
  /** What the edge came to since it started. */
  readonly counts?: () => EdgeTotals;
  readonly onProblem: (error: TautlineError) => void;
}

/** What of a store outlives its process beside the calls themselves: what is done with, what was lost, what it came to. */
export interface StoreLedger {
  /** As it was when it was opened. */
  readonly cursor: number;
  readonly losses: readonly Loss[];
  /** Nothing says yet which vault seals its calls: it is to be written. */
  readonly isNew: boolean;
  /** Of all runs, as the edge counts now. */
  readonly totals: EdgeTotals;
  /** Writes it so that a crash leaves the old or the new. @throws vault.file_failed, vault.file_unsafe */
  write(cursor: number, losses: readonly Loss[]): void;
}

const PROOF_PLACE = { table: "edge", row: "store", column: "proof" };
const NO_COUNTS = NEW_STORE.totals;

/**
 * Opens the ledger of a store. One that cannot be understood is told and begun anew, which costs duplicates.
 *
 * @param options folder, vault, counts
 * @throws vault.file_unsafe, vault.file_failed; agent.edge_store_foreign where another vault sealed what is kept
 */
export function openLedger({
  folder,
  vault,
  counts = () => NO_COUNTS,
  onProblem,
}: StoreLedgerOptions): StoreLedger {
  const file = join(folder, "state.json");
  const read = readStoreState(file);
  if (read === "damaged") {
    onProblem(new TautlineError("agent.edge_state_damaged", { detail: { file } }));
  }
  const { cursor, losses, totals, proof: known } = read === "damaged" ? NEW_STORE : read;
  if (known !== undefined) requireOwn(folder, vault, known);
  const proof =
    known ?? vault.seal(PROOF_PLACE, Buffer.from("tautline edge")).toString("base64url");
  const now = (): EdgeTotals => sum(totals, counts());
  return {
    cursor,
    losses,
    isNew: known === undefined,
    get totals() {
      return now();
    },
    write: (at, lost) => writeStoreState(file, { cursor: at, losses: lost, totals: now(), proof }),
  };
}

function requireOwn(folder: string, vault: Pick<Vault, "open">, proof: string): void {
  try {
    vault.open(PROOF_PLACE, Buffer.from(proof, "base64url"));
  } catch (cause) {
    if (!isTautlineError(cause) || cause.code !== "vault.field_damaged") throw cause;
    throw new TautlineError("agent.edge_store_foreign", { cause, detail: { folder } });
  }
}

function sum(one: EdgeTotals, other: EdgeTotals): EdgeTotals {
  return {
    calls: one.calls + other.calls,
    failed: one.failed + other.failed,
    kept: one.kept + other.kept,
    delivered: one.delivered + other.delivered,
  };
}
