import { TautlineError } from "@tautline/protocol";
import type { AgentRow } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";
import { isClaimState } from "./claim-rule.ts";

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

/**
 * Refuses what only an agent with an identity can be.
 *
 * @param agent any agent
 * @param done what cannot be done to one without, such as "quarantined"
 * @throws fleet.no_identity
 */
export function refuseClaim({ id, state }: Pick<AgentRow, "id" | "state">, done: string): void {
  if (isClaimState(state))
    throw new TautlineError("fleet.no_identity", { detail: { id, state, done } });
}
