import { EDGE_LOSS_REASONS, parseJson } from "@tautline/protocol";
import { readPrivateFile, writeFileDurably } from "@tautline/vault";
import { z } from "zod";
import type { Loss } from "./losses.ts";

/** What of a store is kept beside its segments. */
export interface StoreState {
  /** Every record up to this number is done with: delivered, or counted as lost. */
  readonly cursor: number;
  readonly losses: readonly Loss[];
  /** What the edge came to in all its runs. */
  readonly totals: EdgeTotals;
  /** Sealed by the vault that sealed the calls, so that another one is noticed before it calls them damaged; undefined in a new store. */
  readonly proof: string | undefined;
}

/** Calls of programs, in all runs of an edge. */
export interface EdgeTotals {
  readonly calls: number;
  /** That did not end in order, those that were refused included. */
  readonly failed: number;
  /** That were kept on the disk, and of those how many the other end has taken since. */
  readonly kept: number;
  readonly delivered: number;
}

const LARGEST_BYTES = 256 * 1024;

const count = z.int().min(0);

const schema = z.strictObject({
  format: z.literal(1),
  cursor: z.int().min(0),
  losses: z
    .array(
      z.strictObject({
        client: z.string().max(256),
        reason: z.enum(EDGE_LOSS_REASONS),
        calls: z.int().min(0),
      }),
    )
    .max(1024),
  totals: z
    .strictObject({ calls: count, failed: count, kept: count, delivered: count })
    .prefault({ calls: 0, failed: 0, kept: 0, delivered: 0 }),
  proof: z.string().max(1024).optional(),
});

/** Of a store in which nothing was ever done. */
export const NEW_STORE: StoreState = {
  cursor: 0,
  losses: [],
  totals: { calls: 0, failed: 0, kept: 0, delivered: 0 },
  proof: undefined,
};

/**
 * Reads the state of a store.
 *
 * @param file its path
 * @returns "damaged" where it cannot be read: then everything that is stored is sent again
 */
export function readStoreState(file: string): StoreState | "damaged" {
  const bytes = readPrivateFile(file, LARGEST_BYTES);
  if (bytes === undefined) return NEW_STORE;
  try {
    const text = bytes.toString("utf8");
    const { cursor, losses, totals, proof } = schema.parse(
      parseJson(text, { maxBytes: LARGEST_BYTES, maxDepth: 8 }),
    );
    return { cursor, losses, totals, proof };
  } catch {
    return "damaged";
  }
}

/**
 * Writes the state of a store so that a crash leaves the old or the new.
 *
 * @param file its path
 * @param state to be kept
 * @throws vault.file_failed, vault.file_unsafe
 */
export function writeStoreState(file: string, state: StoreState): void {
  writeFileDurably(file, `${JSON.stringify({ format: 1, ...state })}\n`);
}
