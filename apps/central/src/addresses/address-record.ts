import { LIMITS, printableText } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";

/** An offer of addresses to one agent. */
export interface AddressOffer {
  readonly agentId: string;
  /** SHA-256 of the instruction's subject, lower-case hex. */
  readonly hash: string;
  readonly addresses: readonly string[];
  readonly atMs: number;
}

/**
 * Records what an agent is offered, in the transaction that numbers the instruction.
 *
 * @param trx a transaction
 * @param offer to whom, and what
 */
export async function recordOffer(
  trx: Writer,
  { agentId, hash, addresses, atMs }: AddressOffer,
): Promise<void> {
  await trx
    .updateTable("agents")
    .set({
      addresses_hash: hash,
      addresses_offered: JSON.stringify(addresses),
      addresses_status: "offered",
      addresses_error: "",
      addresses_at: atMs,
    })
    .where("id", "=", agentId)
    .execute();
}

/**
 * Records how an offer ended, in the transaction that settles the instruction; of older offers nothing is kept.
 *
 * @param trx a transaction
 * @param end which offer, the receipt's code (empty: in use) and sentence, and when
 */
export async function recordEnd(
  trx: Writer,
  end: {
    readonly agentId: string;
    readonly hash: string;
    readonly code: string;
    readonly text: string;
    readonly atMs: number;
  },
): Promise<void> {
  const { agentId, hash, code, text, atMs } = end;
  const said = printableText(text, LIMITS.wireTextCharacters.value);
  await trx
    .updateTable("agents")
    .set({
      addresses_status: code === "" ? "applied" : "failed",
      addresses_error: code === "" ? "" : `${code}: ${said}`,
      addresses_at: atMs,
    })
    .where("id", "=", agentId)
    .where("addresses_hash", "=", hash)
    .execute();
}
