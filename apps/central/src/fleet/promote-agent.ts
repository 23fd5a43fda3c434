import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Store } from "../store/store.ts";
import { isClaimState } from "./claim-rule.ts";
import { requiredAgent } from "./required-agent.ts";

/** What promoting needs. */
export interface PromoteDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
}

/**
 * Marks an agent without an identity to be told where it can get one. It gets nothing by that: a person gives its host a token.
 *
 * @param deps store, trail and clock
 * @param id the agent
 * @param actor who says so
 * @throws api.not_found, fleet.has_identity
 */
export async function promoteAgent(
  { store, audit, now }: PromoteDeps,
  id: string,
  actor: string,
): Promise<void> {
  await store.write(async (trx) => {
    const { state } = await requiredAgent(trx, id);
    if (!isClaimState(state)) {
      throw new TautlineError("fleet.has_identity", { detail: { id, state } });
    }
    await trx.updateTable("agents").set({ promoted_at: now() }).where("id", "=", id).execute();
    await audit.append(trx, { action: "agent.promoted", actor, subject: `agent:${id}` });
  });
}
