import type { SignedCheckpoint } from "@tautline/protocol";
import type { Reader, Store, Writer } from "../store/store.ts";

/** A checkpoint as it is kept. */
export interface KeptCheckpoint {
  readonly number: number;
  readonly seq: number;
  /** Of its text; the next one's "previous". */
  readonly hash: string;
  readonly signed: SignedCheckpoint;
}

/**
 * Reads checkpoints in their order.
 *
 * @param store central's database
 * @param after number after which to begin
 * @param limit at most so many
 */
export function readCheckpoints(
  store: Store,
  after: number,
  limit: number,
): Promise<KeptCheckpoint[]> {
  return store.read(async (db) => {
    const rows = await query(db)
      .where("audit_checkpoints.number", ">", after)
      .limit(limit)
      .execute();
    return rows.map(fromRow);
  });
}

/**
 * Reads one checkpoint.
 *
 * @param store central's database
 * @param number which one
 */
export function findCheckpoint(store: Store, number: number): Promise<KeptCheckpoint | undefined> {
  return store.read(async (db) => {
    const row = await query(db).where("audit_checkpoints.number", "=", number).executeTakeFirst();
    return row === undefined ? undefined : fromRow(row);
  });
}

/**
 * Reads the newest checkpoint.
 *
 * @param db the database or a transaction
 */
export async function newestCheckpoint(db: Reader | Writer): Promise<KeptCheckpoint | undefined> {
  const newest = await db
    .selectFrom("audit_checkpoints")
    .select((row) => row.fn.max("number").as("number"))
    .executeTakeFirst();
  const number = newest?.number ?? undefined;
  if (number === undefined) return undefined;
  const row = await query(db).where("audit_checkpoints.number", "=", number).executeTakeFirst();
  return row === undefined ? undefined : fromRow(row);
}

function query(db: Reader | Writer) {
  return db
    .selectFrom("audit_checkpoints")
    .innerJoin("audit_keys", "audit_keys.number", "audit_checkpoints.key_number")
    .select([
      "audit_checkpoints.number",
      "audit_checkpoints.seq",
      "audit_checkpoints.hash",
      "audit_checkpoints.body",
      "audit_checkpoints.signature",
      "audit_keys.statement",
      "audit_keys.statement_signature",
    ])
    .orderBy("audit_checkpoints.number");
}

type Row = Awaited<ReturnType<ReturnType<typeof query>["execute"]>>[number];

function fromRow({ number, seq, hash, body, signature, ...key }: Row): KeptCheckpoint {
  const statement = { body: key.statement, signature: key.statement_signature };
  return { number, seq, hash, signed: { body, signature, key: statement } };
}
