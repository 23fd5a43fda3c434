import { TautlineError } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";

/**
 * Refuses keys over which a certificate was revoked: neither that certificate nor another one over the same key is given away
 * again (A17).
 *
 * @param trx the transaction that judges the request
 * @param pins SHA-256 of each key's SPKI, lower-case hex
 * @throws admission.certificate_revoked
 */
export async function refuseRevokedKeys(trx: Writer, pins: readonly string[]): Promise<void> {
  const revoked = await trx
    .selectFrom("certificates")
    .select("serial")
    .where("pin", "in", pins)
    .where("revoked_at", "is not", null)
    .limit(1)
    .executeTakeFirst();
  if (revoked !== undefined) throw new TautlineError("admission.certificate_revoked");
}
