import type { Store, Writer } from "../store/store.ts";
import type { KeyUse, LiveKey } from "./key-ring.ts";

/** Notes which agent was answered over which version of a key: in memory at once, on the disk with the next flush. */
export interface KeyUses {
  note(key: Pick<LiveKey, "name" | "version">, use: KeyUse): void;
  /**
   * Writes what waits.
   *
   * @throws store.* ; what was not written waits on
   */
  flush(): Promise<void>;
}

/** What the uses need. */
export interface KeyUsesDeps {
  readonly store: Store;
  readonly now: () => number;
  /** At most so many agents are remembered of one key, the latest: whoever holds a key can call itself anything. */
  readonly agentsOfKey?: number;
  /** At most so many uses wait to be written; more are not noted. */
  readonly waiting?: number;
}

const AGENTS_OF_KEY = 10_000;
const WAITING = 20_000;
/** Rows of one transaction: others wait for it. */
const ROWS_AT_ONCE = 256;

interface Noted extends KeyUse {
  readonly name: string;
  readonly version: number;
  readonly atMs: number;
}

/**
 * Makes an empty notebook.
 *
 * @param deps database and clock
 */
export function createKeyUses(deps: KeyUsesDeps): KeyUses {
  const { store, now, agentsOfKey = AGENTS_OF_KEY, waiting: mostWaiting = WAITING } = deps;
  const waiting = new Map<string, Noted>();
  const put = (noted: Noted): void => {
    const place = `${noted.name} ${noted.agentId}`;
    if (waiting.size < mostWaiting || waiting.has(place)) waiting.set(place, noted);
  };
  return {
    note: ({ name, version }, use) => put({ ...use, name, version, atMs: now() }),
    flush: async () => {
      const noted = [...waiting.values()];
      waiting.clear();
      for (let from = 0; from < noted.length; from += ROWS_AT_ONCE) {
        const slice = noted.slice(from, from + ROWS_AT_ONCE);
        try {
          await store.write((trx) => writeUses(trx, slice, agentsOfKey));
        } catch (error) {
          for (const each of noted.slice(from)) {
            if (!waiting.has(`${each.name} ${each.agentId}`)) put(each);
          }
          throw error;
        }
      }
    },
  };
}

async function writeUses(trx: Writer, noted: readonly Noted[], most: number): Promise<void> {
  const names = new Set(noted.map(({ name }) => name));
  const present = await trx
    .selectFrom("keys")
    .select("name")
    .where("name", "in", [...names])
    .execute();
  // A key that was deleted meanwhile has no uses.
  const known = new Set(present.map(({ name }) => name));
  for (const { name, version, agentId, level, remoteAddress, atMs } of noted) {
    if (!known.has(name)) continue;
    const use = { version, level, remote_address: remoteAddress, used_at: atMs };
    await trx
      .insertInto("key_uses")
      .values({ key_name: name, agent_id: agentId, ...use })
      .onConflict((conflict) => conflict.columns(["key_name", "agent_id"]).doUpdateSet(use))
      .execute();
  }
  for (const name of known) await forgetOldest(trx, name, most);
}

async function forgetOldest(trx: Writer, name: string, most: number): Promise<void> {
  const { count } = await trx
    .selectFrom("key_uses")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("key_name", "=", name)
    .executeTakeFirstOrThrow();
  const excess = count - most;
  if (excess <= 0) return;
  const oldest = trx
    .selectFrom("key_uses")
    .select("agent_id")
    .where("key_name", "=", name)
    .orderBy("used_at")
    .orderBy("agent_id")
    .limit(excess);
  await trx
    .deleteFrom("key_uses")
    .where("key_name", "=", name)
    .where("agent_id", "in", oldest)
    .execute();
}
