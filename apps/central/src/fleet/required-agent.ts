import { TautlineError } from "@tautline/protocol";
import type { AgentRow } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";

/**
 * Reads an agent that must be there.
 *
 * @param trx the transaction that decides about it
 * @param id the agent
 * @throws api.not_found
 */
export async function requiredAgent(trx: Writer, id: string): Promise<AgentRow> {
  const agent = await trx.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
  if (agent !== undefined) return agent;
  throw new TautlineError("api.not_found", { detail: { thing: "agent", id, noun: "agents" } });
}
