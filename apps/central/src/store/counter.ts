import type { CounterTable } from "./schema.ts";
import type { Store } from "./store.ts";

/**
 * Reads a counter that rises with every change of its rows, whichever process on this database makes it (triggers count; no writer can
 * forget to).
 *
 * @param store central's database
 * @param name which; the schema says what each counts
 * @throws store.*
 */
export async function readCounter(store: Store, name: CounterTable["name"]): Promise<number> {
  const { value } = await store.read((db) =>
    db.selectFrom("counters").select("value").where("name", "=", name).executeTakeFirstOrThrow(),
  );
  return value;
}
