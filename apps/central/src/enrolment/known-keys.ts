import { TautlineError } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";

/**
 * A key belongs to one agent, for good: that of a revoked or deleted agent, of a candidate, or of a copied disk must not come back
 * under another id, and none is certified a second time (A3, A17).
 *
 * @param trx the transaction that judges the request
 * @param pins SHA-256 of the SPKIs asked for, lower-case hex
 * @throws enrolment.key_taken
 */
export async function refuseKnownKeys(trx: Writer, pins: readonly string[]): Promise<void> {
  const certified = await trx
    .selectFrom("certificates")
    .select("serial")
    .where("pin", "in", pins)
    .limit(1)
    .executeTakeFirst();
  const reserved = await trx
    .selectFrom("reserved_keys")
    .select("pin")
    .where("pin", "in", pins)
    .limit(1)
    .executeTakeFirst();
  if (certified !== undefined || reserved !== undefined) {
    throw new TautlineError("enrolment.key_taken");
  }
}

/** SQLite takes 32,766 values in one statement (sqlite.org/limits.html); an old agent has had thousands of keys. */
const ROWS_AT_ONCE = 500;

/**
 * Reserves keys for an agent; those that are reserved already stay as they are.
 *
 * @param trx the transaction that records whose they are
 * @param agentId the agent
 * @param pins SHA-256 of their SPKIs, lower-case hex
 */
export async function reserveKeys(
  trx: Writer,
  agentId: string,
  pins: readonly string[],
): Promise<void> {
  const rows = [...new Set(pins)].map((pin) => ({ pin, agent_id: agentId }));
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    await trx
      .insertInto("reserved_keys")
      .values(rows.slice(from, from + ROWS_AT_ONCE))
      .onConflict((conflict) => conflict.column("pin").doNothing())
      .execute();
  }
}
