import { type Level, LIMITS, printableText } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";

/** A level that an agent is offered. */
export interface MoveOffer {
  readonly agentId: string;
  readonly level: Level;
  /** Number of the instruction. */
  readonly seq: number;
  readonly atMs: number;
}

/**
 * Records that an agent is offered the level it was ordered to, in the transaction that numbers the instruction; of an order that was
 * changed or withdrawn meanwhile nothing is recorded.
 *
 * @param trx a transaction
 * @param offer to whom, and what
 */
export async function recordMoveOffer(
  trx: Writer,
  { agentId, level, seq, atMs }: MoveOffer,
): Promise<void> {
  await trx
    .updateTable("agents")
    .set({ move_status: "offered", move_error: "", move_seq: seq, move_at: atMs })
    .where("id", "=", agentId)
    .where("move_level", "=", level)
    .execute();
}

/**
 * Records how the offer ended, in the transaction that settles the instruction; of older offers nothing is kept.
 *
 * @param trx a transaction
 * @param end which offer, the receipt's code (empty: the agent has climbed) and sentence, and when
 */
export async function recordMoveEnd(
  trx: Writer,
  end: {
    readonly agentId: string;
    readonly seq: number;
    readonly code: string;
    readonly text: string;
    readonly atMs: number;
  },
): Promise<void> {
  const { agentId, seq, code, text, atMs } = end;
  const said = printableText(text, LIMITS.wireTextCharacters.value);
  await trx
    .updateTable("agents")
    .set({
      move_status: code === "" ? "applied" : "failed",
      move_error: code === "" ? "" : `${code}: ${said}`,
      move_at: atMs,
    })
    .where("id", "=", agentId)
    .where("move_status", "=", "offered")
    .where("move_seq", "=", seq)
    .execute();
}
