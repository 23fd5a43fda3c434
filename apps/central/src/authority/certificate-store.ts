import { X509Certificate } from "node:crypto";
import { type RevocationReason, serialOf, spkiPin } from "@tautline/pki";
import { type CertificateUse, parseSpiffeId, TautlineError } from "@tautline/protocol";
import type { CertificateRow, NewCertificate } from "../store/schema.ts";
import type { Reader, Writer } from "../store/store.ts";

/** A certificate together with what only central's record knows of it. */
export interface IssuedCertificate {
  readonly certificate: X509Certificate;
  readonly issuerId: string;
  readonly agentId: string | null;
  readonly purpose: CertificateUse;
  /** The SPIFFE ID in it; of a program's all its names, with commas between. */
  readonly name: string;
  /** Of a program's certificate: where it belongs, and the agent that keeps its files. */
  readonly program?: { readonly namespace: string; readonly agentId: string | null };
}

/**
 * Makes the record of an issued certificate; it is written in the transaction that gives the certificate away (F2).
 *
 * @param issued the certificate and whose it is
 * @param renewalCounter number of the identity it belongs to
 */
export function certificateRow(issued: IssuedCertificate, renewalCounter = 0): NewCertificate {
  const { certificate } = issued;
  return {
    serial: serialOf(certificate),
    issuer_id: issued.issuerId,
    agent_id: issued.agentId,
    purpose: issued.purpose,
    name: issued.name,
    pin: spkiPin(certificate).toString("hex"),
    pem: certificate.toString(),
    not_before: certificate.validFromDate.getTime(),
    not_after: certificate.validToDate.getTime(),
    revoked_at: null,
    renewal_counter: renewalCounter,
    program_namespace: issued.program?.namespace ?? null,
    program_agent: issued.program?.agentId ?? null,
  };
}

/**
 * Reads an agent's newest certificate of each purpose.
 *
 * @param db the database or a transaction
 * @param agentId the agent
 * @throws store.damaged if one is missing, which a transaction of enrolment never leaves behind
 */
export async function certificatesOf(
  db: Reader | Writer,
  agentId: string,
): Promise<{ client: X509Certificate; server: X509Certificate }> {
  const rows = await db
    .selectFrom("certificates")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("not_after", "desc")
    .execute();
  const newest = (purpose: string): X509Certificate => {
    const row = rows.find((candidate) => candidate.purpose === purpose);
    if (row !== undefined) return new X509Certificate(row.pem);
    const reason = `agent ${agentId} has no ${purpose} certificate`;
    throw new TautlineError("store.damaged", { detail: { file: "central.db", reason } });
  };
  return { client: newest("client"), server: newest("server") };
}

/** A certificate as lists show it. */
export interface CertificateView {
  readonly serial: string;
  readonly name: string;
  readonly agent: string | null;
  /** Empty for what belongs to none or to every one. */
  readonly namespace: string;
  /** It is for a program and no identity of ours. */
  readonly program: boolean;
  readonly purpose: CertificateUse;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly revokedAt: string | null;
  /** Null where it is not revoked, or no reason was given. */
  readonly revokedReason: RevocationReason | null;
  /** Number of the agent's identity that it belongs to; null for central's own and programs'. */
  readonly renewal: number | null;
}

/** The row of a certificate as lists show it. */
export function certificateView(row: CertificateRow): CertificateView {
  return {
    serial: row.serial,
    name: row.name,
    agent: row.agent_id ?? row.program_agent,
    namespace: row.program_namespace ?? namespaceIn(row.name),
    program: row.program_namespace !== null,
    purpose: row.purpose,
    notBefore: new Date(row.not_before).toISOString(),
    notAfter: new Date(row.not_after).toISOString(),
    revokedAt: row.revoked_at === null ? null : new Date(row.revoked_at).toISOString(),
    revokedReason: row.revoked_reason,
    renewal: row.agent_id === null ? null : row.renewal_counter,
  };
}

/** The name that was certified says whose it is, also when the agent is no longer there. */
function namespaceIn(name: string): string {
  const who = parseSpiffeId(name);
  return who.kind === "agent" ? who.namespace : "";
}
