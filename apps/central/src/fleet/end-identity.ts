import type { Writer } from "../store/store.ts";

/**
 * Ends an agent's identity for good: it is revoked, and so is every certificate of it. The caller audits, and ends its live links
 * once the transaction is on the disk.
 *
 * @param trx the transaction that says why
 * @param id the agent
 * @param atMs milliseconds since the epoch
 */
export async function endIdentity(trx: Writer, id: string, atMs: number): Promise<void> {
  const over = { state: "revoked", quarantined_at: null, quarantined_from: null } as const;
  await trx.updateTable("agents").set(over).where("id", "=", id).execute();
  await trx
    .updateTable("certificates")
    .set({ revoked_at: atMs, revoked_reason: "privilegeWithdrawn" })
    // Those that it keeps for its host's programs too.
    .where((eb) => eb.or([eb("agent_id", "=", id), eb("program_agent", "=", id)]))
    .where("revoked_at", "is", null)
    .execute();
  // What it asked an operator for is decided by that.
  await trx.deleteFrom("approvals").where("agent_id", "=", id).execute();
  // No level is kept open for who is not let in any more.
  await trx.deleteFrom("policy_exceptions").where("agent_id", "=", id).execute();
}
