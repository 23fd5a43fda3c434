import type { CertificateMark } from "@tautline/link";
import { includesUse, TautlineError } from "@tautline/protocol";
import type { CertificateAuthority } from "../authority/authority.ts";
import { refusalOf } from "../fleet/life-rule.ts";
import type { AgentState, CertificateRow } from "../store/schema.ts";
import type { Reader, Store } from "../store/store.ts";
import type { LinkIdentity } from "./caller.ts";

/** A program that is let in, as its certificate and the record of that say. */
export type ProgramIdentity = Extract<LinkIdentity, { kind: "program" }>;

/** What is looked at. */
export interface ProgramCallerDeps {
  readonly store: Pick<Store, "read">;
  readonly authority: Pick<CertificateAuthority, "issuerPin">;
}

/**
 * Looks up the program that showed a certificate of ours: by issuer, serial and key, never by the bytes (A17), and by what became since of
 * it, of its key, and of the agent that keeps it.
 *
 * @param deps the records
 * @param mark of the certificate, whose chain is proven
 * @throws receiver.program_unknown, receiver.program_revoked, admission.agent_* of the agent that keeps it
 */
export async function findProgram(
  { store, authority }: ProgramCallerDeps,
  { issuerPin, serial, keyPin }: CertificateMark,
): Promise<ProgramIdentity> {
  const records = await readRecords(store, [serial]);
  const row = records.certificates.get(serial);
  const isSame = row?.pin === keyPin && authority.issuerPin(row.issuer_id) === issuerPin;
  const refusal = judgeProgram(records, isSame ? row : undefined);
  if (refusal !== undefined) throw refusal;
  const [name = ""] = (row?.name ?? "").split(", ", 1);
  return { kind: "program", name, namespace: row?.program_namespace ?? "", serial };
}

/**
 * Judges again programs that were let in before.
 *
 * @param store central's database
 * @param serials of their certificates, each as often as anybody likes
 * @returns by serial, why it would not be let in now
 */
export async function judgePrograms(
  store: Pick<Store, "read">,
  serials: readonly string[],
): Promise<ReadonlyMap<string, TautlineError>> {
  const refused = new Map<string, TautlineError>();
  const distinct = [...new Set(serials)];
  for (let at = 0; at < distinct.length; at += AT_ONCE) {
    const some = distinct.slice(at, at + AT_ONCE);
    const records = await readRecords(store, some);
    for (const serial of some) {
      const refusal = judgeProgram(records, records.certificates.get(serial));
      if (refusal !== undefined) refused.set(serial, refusal);
    }
  }
  return refused;
}

/** Looked up in one go. */
const AT_ONCE = 200;

type JudgedRow = Pick<
  CertificateRow,
  | "serial"
  | "issuer_id"
  | "pin"
  | "name"
  | "purpose"
  | "revoked_at"
  | "program_namespace"
  | "program_agent"
>;

interface Records {
  readonly certificates: ReadonlyMap<string, JudgedRow>;
  readonly revokedPins: ReadonlySet<string>;
  readonly agents: ReadonlyMap<string, AgentState>;
}

function judgeProgram(
  { revokedPins, agents }: Records,
  row: JudgedRow | undefined,
): TautlineError | undefined {
  const isProgram = row !== undefined && row.program_namespace !== null;
  if (!isProgram || !includesUse(row.purpose, "client")) {
    return new TautlineError("receiver.program_unknown");
  }
  if (row.revoked_at !== null || revokedPins.has(row.pin)) {
    return new TautlineError("receiver.program_revoked", { detail: { serial: row.serial } });
  }
  const { program_agent: id } = row;
  if (id === null) return undefined;
  const state = agents.get(id);
  if (state === undefined) return new TautlineError("admission.agent_unknown", { detail: { id } });
  return refusalOf(state, id);
}

async function readRecords(
  store: Pick<Store, "read">,
  serials: readonly string[],
): Promise<Records> {
  return store.read(async (db: Reader) => {
    const rows = await db
      .selectFrom("certificates")
      .select(["serial", "issuer_id", "pin", "name", "purpose", "revoked_at"])
      .select(["program_namespace", "program_agent"])
      .where("serial", "in", serials)
      .execute();
    const revoked = await db
      .selectFrom("certificates")
      .select("pin")
      .where("pin", "in", rows.map(({ pin }) => pin).concat(""))
      .where("revoked_at", "is not", null)
      .execute();
    const ids = rows.flatMap(({ program_agent: id }) => (id === null ? [] : [id]));
    const agents = await db
      .selectFrom("agents")
      .select(["id", "state"])
      .where("id", "in", [...ids, ""])
      .execute();
    return {
      certificates: new Map(rows.map((row) => [row.serial, row])),
      revokedPins: new Set(revoked.map(({ pin }) => pin)),
      agents: new Map(agents.map(({ id, state }) => [id, state])),
    };
  });
}
