import { X509Certificate } from "node:crypto";
import { readCsr, serialOf, toPem } from "@tautline/pki";
import { type CertificateUse, TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import {
  certificateRow,
  certificateView,
  type CertificateView,
  type IssuedCertificate,
} from "../authority/certificate-store.ts";
import { refuseKnownKeys } from "../enrolment/known-keys.ts";
import { refusalOf } from "../fleet/life-rule.ts";
import { requireNamespace } from "../keys/new-key-rule.ts";
import type { CertificateRow } from "../store/schema.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import { requireAllowedNames } from "./program-name-store.ts";
import { refuseWildcards, requireProgramNames, type TakenNames } from "./program-names.ts";

/** What a certificate is asked for, whoever asks. */
interface WantedProgram {
  readonly names: readonly string[];
  readonly use: CertificateUse;
  /** PKCS#10 in PEM: the key alone. */
  readonly csrPem: string;
}

/** A certificate that an operator has made. */
export interface OperatorOrder extends WantedProgram {
  /** Where it belongs: its names must be allowed there. Empty: to none. */
  readonly namespace: string;
  /** Milliseconds from now. */
  readonly lifetimeMs: number;
  /** Names that stand for many hosts are meant. */
  readonly wildcard: boolean;
  readonly actor: string;
}

/** A certificate that an agent keeps for a program of its host. */
export interface KeptOrder extends WantedProgram {
  readonly agentId: string;
}

/** A certificate with what belongs to it. */
export interface ProgramCertificate extends CertificateView {
  /** Leaf first, then the intermediate. */
  readonly chainPem: string;
  readonly rootsPem: string;
}

/** Certificates for programs, signed by the authority for names on the network. Each is recorded and audited before it is given away. */
export interface ProgramIssuer {
  /** @throws pki.*, value.certified_name, certificate.*, api.not_found for an unknown namespace, enrolment.key_taken */
  issueForOperator(order: OperatorOrder): Promise<ProgramCertificate>;
  /**
   * Asked again for the same names with the same key it gives the same certificate (F3).
   *
   * @throws pki.*, value.certified_name, certificate.*, admission.*, enrolment.key_taken
   */
  issueForAgent(order: KeptOrder): Promise<ProgramCertificate>;
}

/** What the issuer needs. */
export interface ProgramIssuerDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly authority: CertificateAuthority;
  readonly now: () => number;
  /** Of what agents keep, milliseconds. */
  readonly keptLifetimeMs: number;
  readonly takenNames: (db: Reader | Writer) => Promise<TakenNames>;
}

/** Certificates of one agent's programs that have not ended; 32 folders at two lives each stay below. */
export const MOST_KEPT = 256;

/**
 * Makes the issuer of programs' certificates.
 *
 * @param deps central's parts
 */
export function createProgramIssuer(deps: ProgramIssuerDeps): ProgramIssuer {
  return {
    issueForOperator: (order) => deps.store.write((trx) => issueForOperator(deps, trx, order)),
    issueForAgent: (order) => deps.store.write((trx) => issueForAgent(deps, trx, order)),
  };
}

async function issueForOperator(
  deps: ProgramIssuerDeps,
  trx: Writer,
  { names, use, csrPem, namespace, lifetimeMs, wildcard, actor }: OperatorOrder,
): Promise<ProgramCertificate> {
  const { publicKey, pin } = readCsr(csrPem, NO_AGENT);
  const read = requireProgramNames(names, await deps.takenNames(trx));
  if (!wildcard) refuseWildcards(read);
  if (namespace !== "") {
    await requireNamespace(trx, namespace);
    await requireAllowedNames(trx, { namespace }, { names, use });
  }
  await refuseKnownKeys(trx, [pin.toString("hex")]);
  const program = { namespace, agentId: null };
  const issued = deps.authority.issueProgramLeaf({ names, use, publicKey, lifetimeMs, program });
  return record(deps, trx, issued, actor);
}

async function issueForAgent(
  deps: ProgramIssuerDeps,
  trx: Writer,
  { agentId, names, use, csrPem }: KeptOrder,
): Promise<ProgramCertificate> {
  const { publicKey, pin } = readCsr(csrPem, NO_AGENT);
  const namespace = await namespaceOf(trx, agentId);
  requireProgramNames(names, await deps.takenNames(trx));
  await requireAllowedNames(trx, { namespace, agentId }, { names, use });
  const before = await findKept(trx, agentId, pin.toString("hex"));
  if (before !== undefined && isSame(before, { names, use }, deps.now())) {
    return certificateOf(deps, before);
  }
  await refuseKnownKeys(trx, [pin.toString("hex")]);
  await refuseTooMany(trx, agentId, deps.now());
  const program = { namespace, agentId };
  const lifetimeMs = deps.keptLifetimeMs;
  const issued = deps.authority.issueProgramLeaf({ names, use, publicKey, lifetimeMs, program });
  return record(deps, trx, issued, `agent:${agentId}`);
}

/** The request names nobody: whose it is stands in the record. */
const NO_AGENT = { agentId: "" };

/** Looked at again inside the transaction: the agent may have been revoked since its link was admitted. */
async function namespaceOf(trx: Writer, id: string): Promise<string> {
  const agent = await trx
    .selectFrom("agents")
    .select(["namespace", "state"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (agent === undefined) throw new TautlineError("admission.agent_unknown", { detail: { id } });
  const refusal = refusalOf(agent.state, id);
  if (refusal !== undefined) throw refusal;
  return agent.namespace;
}

function findKept(trx: Writer, agentId: string, pin: string): Promise<CertificateRow | undefined> {
  return trx
    .selectFrom("certificates")
    .selectAll()
    .where("pin", "=", pin)
    .where("program_agent", "=", agentId)
    .executeTakeFirst();
}

function isSame(
  row: CertificateRow,
  { names, use }: Pick<WantedProgram, "names" | "use">,
  nowMs: number,
): boolean {
  const isLive = row.revoked_at === null && row.not_after > nowMs;
  return isLive && row.purpose === use && row.name === names.join(", ");
}

async function refuseTooMany(trx: Writer, id: string, nowMs: number): Promise<void> {
  const { live } = await trx
    .selectFrom("certificates")
    .select((eb) => eb.fn.countAll<number>().as("live"))
    .where("program_agent", "=", id)
    .where("not_after", ">", nowMs)
    .executeTakeFirstOrThrow();
  if (live < MOST_KEPT) return;
  throw new TautlineError("certificate.too_many", { detail: { id, limit: MOST_KEPT } });
}

async function record(
  deps: ProgramIssuerDeps,
  trx: Writer,
  issued: IssuedCertificate,
  actor: string,
): Promise<ProgramCertificate> {
  const values = certificateRow(issued);
  await trx.insertInto("certificates").values(values).execute();
  const serial = serialOf(issued.certificate);
  const { namespace = "", agentId = null } = issued.program ?? {};
  await deps.audit.append(trx, {
    action: "certificate.issued",
    actor,
    subject: agentId === null ? `certificate:${serial}` : `agent:${agentId}`,
    detail: {
      serial,
      names: issued.name,
      use: issued.purpose,
      notAfter: issued.certificate.validToDate.toISOString(),
      ...(namespace !== "" && { namespace }),
    },
  });
  const row = await trx
    .selectFrom("certificates")
    .selectAll()
    .where("serial", "=", serial)
    .executeTakeFirstOrThrow();
  return certificateOf(deps, row);
}

function certificateOf({ authority }: ProgramIssuerDeps, row: CertificateRow): ProgramCertificate {
  const leaf = new X509Certificate(row.pem);
  // By the leaf: it may have been certified before the authority was replaced.
  const issuer = authority.issuerOf(leaf) ?? authority.servicesIntermediate;
  const chainPem = toPem([leaf, issuer]);
  return { ...certificateView(row), chainPem, rootsPem: toPem([authority.root]) };
}
