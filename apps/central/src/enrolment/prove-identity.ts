import type { Store } from "../store/store.ts";

/**
 * Notes that a message was taken under an identity: its holder drops every older one when it is answered (F25).
 *
 * @param store central's database
 * @param agentId the agent
 * @param serial of the certificate whose key the link proved, lower-case hex
 */
export async function proveIdentity(store: Store, agentId: string, serial: string): Promise<void> {
  const row = await store.read((db) =>
    db
      .selectFrom("certificates")
      .innerJoin("agents", "agents.id", "certificates.agent_id")
      .select(["certificates.renewal_counter as counter", "agents.proven_counter as proven"])
      .where("certificates.serial", "=", serial)
      .where("agents.id", "=", agentId)
      .executeTakeFirst(),
  );
  // Most links are opened under an identity that was proven before: they write nothing.
  if (row === undefined || row.counter <= row.proven) return;
  await store.write((trx) =>
    trx
      .updateTable("agents")
      .set({ proven_counter: row.counter })
      .where("id", "=", agentId)
      .where("proven_counter", "<", row.counter)
      .execute(),
  );
}
