import { parseJson } from "@tautline/protocol";
import { readPrivateFile, writeFileDurably } from "@tautline/vault";
import { z } from "zod";
import { type Loss, LOSS_REASONS } from "./losses.ts";

/** What of a store is kept beside its segments. */
export interface StoreState {
  /** Every record up to this number is done with: delivered, or counted as lost. */
  readonly cursor: number;
  readonly losses: readonly Loss[];
}

const LARGEST_BYTES = 256 * 1024;

const schema = z.strictObject({
  format: z.literal(1),
  cursor: z.int().min(0),
  losses: z
    .array(
      z.strictObject({
        client: z.string().max(256),
        reason: z.enum(LOSS_REASONS),
        calls: z.int().min(0),
      }),
    )
    .max(1024),
});

/** Of a store in which nothing was ever done. */
export const NEW_STORE: StoreState = { cursor: 0, losses: [] };

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
    const { cursor, losses } = schema.parse(
      parseJson(text, { maxBytes: LARGEST_BYTES, maxDepth: 8 }),
    );
    return { cursor, losses };
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
export function writeStoreState(file: string, { cursor, losses }: StoreState): void {
  writeFileDurably(file, `${JSON.stringify({ format: 1, cursor, losses })}\n`);
}
