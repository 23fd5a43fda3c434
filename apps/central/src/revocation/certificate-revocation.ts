import type { RevocationReason } from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { certificateView, type CertificateView } from "../authority/certificate-store.ts";
import type { CertificateRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";

/** What to revoke, why, and who says so. */
export interface RevocationOrder {
  /** Lower-case hex. */
  readonly serial: string;
  readonly reason: RevocationReason;
  readonly actor: string;
}

/** What revoking needs. */
export interface RevocationDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
}

/**
 * Revokes one certificate, and with it its key: no other certificate over that key is accepted any more (A17). It cannot be
 * undone; one that is revoked already stays as it is.
 *
 * @param deps database, trail and clock
 * @param order which, why, and who
 * @returns the certificate as it is now
 * @throws api.not_found
 */
export async function revokeCertificate(
  { store, audit, now }: RevocationDeps,
  { serial, reason, actor }: RevocationOrder,
): Promise<CertificateView> {
  return store.write(async (trx) => {
    const row = await trx
      .selectFrom("certificates")
      .selectAll()
      .where("serial", "=", serial)
      .executeTakeFirst();
    if (row === undefined) {
      const detail = { thing: "certificate", id: serial, noun: "certs" };
      throw new TautlineError("api.not_found", { detail });
    }
    if (row.revoked_at !== null) return certificateView(row);
    const revoked = { revoked_at: now(), revoked_reason: reason };
    await trx.updateTable("certificates").set(revoked).where("serial", "=", serial).execute();
    await audit.append(trx, {
      action: "certificate.revoked",
      actor,
      subject: subjectOf(row),
      detail: { serial, reason, purpose: row.purpose },
    });
    return certificateView({ ...row, ...revoked });
  });
}

function subjectOf(row: CertificateRow): string {
  const agentId = row.agent_id ?? row.program_agent;
  if (agentId !== null) return `agent:${agentId}`;
  return row.program_namespace === null ? "central" : `certificate:${row.serial}`;
}
