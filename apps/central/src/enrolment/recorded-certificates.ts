import { X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import type { AgentRow } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";

/**
 * Reads the newest certificates of an agent's newest keys.
 *
 * @param trx the transaction that judges the request
 * @param agent the agent's row
 * @throws store.damaged if one is missing, which a transaction of enrolment never leaves behind
 */
export async function recordedCertificates(
  trx: Writer,
  { id, client_pin, server_pin }: Pick<AgentRow, "id" | "client_pin" | "server_pin">,
): Promise<{ readonly client: X509Certificate; readonly server: X509Certificate }> {
  const rows = await trx
    .selectFrom("certificates")
    .select(["pin", "pem"])
    .where("agent_id", "=", id)
    .where("pin", "in", [client_pin, server_pin])
    .orderBy("not_after", "desc")
    .execute();
  const newest = (pin: string): X509Certificate => {
    const row = rows.find((each) => each.pin === pin);
    if (row !== undefined) return new X509Certificate(row.pem);
    const reason = `agent ${id} lacks a certificate of its newest keys`;
    throw new TautlineError("store.damaged", { detail: { file: "central.db", reason } });
  };
  return { client: newest(client_pin), server: newest(server_pin) };
}
