import { TautlineError } from "@tautline/protocol";
import type { KeyTable, KeyVersionTable } from "../store/key-tables.ts";
import type { Reader, Writer } from "../store/store.ts";

/**
 * Reads a key that must be there.
 *
 * @param db the database, or the transaction that decides about it
 * @param name of the key
 * @throws api.not_found
 */
export async function keyRow(db: Reader | Writer, name: string): Promise<KeyTable> {
  const row = await db.selectFrom("keys").selectAll().where("name", "=", name).executeTakeFirst();
  if (row === undefined) throw unknownKey(name);
  return row;
}

/**
 * Reads the live versions of a key.
 *
 * @param trx the transaction that decides about it
 * @param name of the key
 */
export function versionRows(trx: Writer, name: string): Promise<KeyVersionTable[]> {
  return trx.selectFrom("key_versions").selectAll().where("key_name", "=", name).execute();
}

/** Says that there is no such key. */
export function unknownKey(name: string): TautlineError {
  return new TautlineError("api.not_found", { detail: { thing: "key", id: name, noun: "keys" } });
}

/**
 * Takes the next number of a name, which no version of it ever had.
 *
 * @param trx the transaction that makes the version
 * @param name of the key
 */
export async function takeVersion(trx: Writer, name: string): Promise<number> {
  const { last_version } = await trx
    .insertInto("key_names")
    .values({ name, last_version: 1 })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((eb) => ({
        last_version: eb("key_names.last_version", "+", 1),
      })),
    )
    .returning("last_version")
    .executeTakeFirstOrThrow();
  return last_version;
}
