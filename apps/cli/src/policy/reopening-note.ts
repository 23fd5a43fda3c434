import { isTautlineError } from "@tautline/protocol";
import type { AdminClient } from "../client.ts";
import { type Row, textOf } from "../row.ts";
import { timeAndDistance } from "../time-text.ts";

/**
 * The re-openings of plaintext that hold, for those who may see what belongs to central as a whole; for others none.
 *
 * @param client central's API
 * @throws as every call of an AdminClient
 */
export async function openReopenings(client: Pick<AdminClient, "list">): Promise<readonly Row[]> {
  try {
    return (await client.list({ path: ["policy", "reopenings"] })).filter(isOpen);
  } catch (error) {
    if (isTautlineError(error) && error.detail["status"] === FORBIDDEN) return [];
    throw error;
  }
}

const FORBIDDEN = 403;

/**
 * Tells whether a re-opening holds.
 *
 * @param row as central lists it
 */
export function isOpen(row: Row): boolean {
  const { endedAt = null } = row;
  return endedAt === null;
}

/**
 * Says for people what a re-opening is, and that the policy is as it was.
 *
 * @param row one that holds, as central lists it
 * @param nowMs milliseconds since the epoch
 */
export function reopeningNote(row: Row, nowMs: number): string {
  return (
    `Plaintext is re-opened to ${textOf(row, "from")} until ${timeAndDistance(row["until"], nowMs)}, to say where to join and nothing else ` +
    `(re-opening ${textOf(row, "id")}). It is no exception to any policy.`
  );
}
