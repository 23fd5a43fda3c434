import { setImmediate as nextTurn } from "node:timers/promises";
import { evidenceOfRow } from "../fleet/link-store.ts";
import { isLoopback } from "../listeners/loopback-rule.ts";
import type { Store } from "../store/store.ts";
import type { LinkedAgent } from "./change-deps.ts";

/** Rows of a page: what holds the event loop for a few milliseconds. */
const PAGE_ROWS = 2_000;

/**
 * Goes through the live control links of every central on a database, a page at a time; the event loop turns between pages.
 *
 * @param store central's database
 * @throws store.*
 */
export async function* readLinked(store: Store): AsyncGenerator<readonly LinkedAgent[]> {
  for (let after = ""; ; await nextTurn()) {
    const rows = await store.read((db) =>
      db
        .selectFrom("links")
        .innerJoin("agents", "agents.id", "links.agent_id")
        .selectAll("links")
        .select("agents.namespace")
        .where("links.id", ">", after)
        .where("kind", "=", "control")
        .orderBy("links.id")
        .limit(PAGE_ROWS)
        .execute(),
    );
    yield rows.map((row) => {
      const { level, pq, clientProven } = evidenceOfRow(row);
      const { agent_id: agentId, namespace, remote_address: from } = row;
      return { agentId, namespace, level, pq, clientProven, isLoopback: isLoopback(from) };
    });
    after = rows.at(-1)?.id ?? "";
    if (rows.length < PAGE_ROWS) return;
  }
}
