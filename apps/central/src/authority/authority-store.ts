import { randomBytes, X509Certificate } from "node:crypto";
import {
  type Authority,
  createRoot,
  createServicesIntermediate,
  createSerial,
  exportPrivateKey,
  importPrivateKey,
  serialOf,
} from "@tautline/pki";
import { TautlineError } from "@tautline/protocol";
import type { Selectable } from "kysely";
import type { AuthorityKind, AuthorityTable } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";
import type { AuthorityDeps } from "./authority-deps.ts";

/** An authority with its place in the database. */
export interface StoredAuthority extends Authority {
  readonly id: string;
  readonly kind: AuthorityKind;
  readonly namespace: string;
  /** It was replaced: it certifies nothing more, but signs its revocation list. */
  readonly isRetired: boolean;
}

/** Authorities are valid from a little earlier than they are made, for hosts whose clocks are behind. */
export const AUTHORITY_BACKDATE_MS: number = 60 * 60 * 1_000;

/**
 * Reads and unseals every authority of the database.
 *
 * @throws vault.field_damaged, store.damaged
 */
export async function loadAuthorities({ store, vault }: AuthorityDeps): Promise<StoredAuthority[]> {
  const rows = await store.read((db) => db.selectFrom("authorities").selectAll().execute());
  return rows.map((row) => ({
    id: row.id,
    kind: kindOf(store.file, row),
    namespace: row.namespace,
    isRetired: row.retired_at !== null,
    certificate: readCertificate(store.file, row),
    privateKey: importPrivateKey(vault.open(placeOf(row.id), row.sealed_key).toString("utf8")),
  }));
}

/**
 * Tells what an authority is, or was before it was replaced.
 *
 * @param file for the error's sentence
 * @param row of the table
 * @throws store.damaged
 */
export function kindOf(
  file: string,
  row: Pick<Selectable<AuthorityTable>, "id" | "kind" | "retired_kind">,
): AuthorityKind {
  const kind = row.retired_kind ?? row.kind;
  if (kind === "root" || kind === "agents" || kind === "services") return kind;
  const reason = `authority ${row.id} is of no known kind`;
  throw new TautlineError("store.damaged", { detail: { file, reason } });
}

function readCertificate(
  file: string,
  row: Pick<AuthorityTable, "id" | "certificate_pem">,
): X509Certificate {
  try {
    return new X509Certificate(row.certificate_pem);
  } catch (cause) {
    const reason = `the certificate of authority ${row.id} cannot be read`;
    throw new TautlineError("store.damaged", { cause, detail: { file, reason } });
  }
}

/** Makes the root and the services intermediate, both or none. */
export async function createRootAndServices(deps: AuthorityDeps): Promise<void> {
  const { trustDomain, lifetimes } = deps;
  const now = (): number => deps.now() - AUTHORITY_BACKDATE_MS;
  const root = createRoot({
    trustDomain,
    now,
    lifetimeMs: lifetimes.rootLifetime,
    serial: createSerial(randomBytes),
  });
  const services = createServicesIntermediate(root, {
    trustDomain,
    now,
    lifetimeMs: lifetimes.intermediateLifetime,
    serial: createSerial(randomBytes),
  });
  await deps.store.write(async (trx) => {
    for (const [kind, made] of [
      ["root", root],
      ["services", services],
    ] as const) {
      await storeAuthority(deps, trx, {
        ...made,
        id: serialOf(made.certificate),
        kind,
        namespace: "",
        isRetired: false,
      });
    }
  });
}

/** Writes an authority, its key sealed, and audits it. */
export async function storeAuthority(
  deps: AuthorityDeps,
  trx: Writer,
  made: StoredAuthority,
): Promise<void> {
  const { id, kind, namespace, certificate } = made;
  await trx
    .insertInto("authorities")
    .values({
      id,
      kind,
      namespace,
      certificate_pem: certificate.toString(),
      sealed_key: deps.vault.seal(placeOf(id), Buffer.from(exportPrivateKey(made.privateKey))),
      serial: id,
      not_after: certificate.validToDate.getTime(),
    })
    .execute();
  const detail = { kind, namespace, notAfter: certificate.validToDate.toISOString() };
  await deps.audit.append(trx, {
    action: "authority.created",
    actor: "central",
    subject: `authority:${id}`,
    detail,
  });
}

/**
 * Frees the place of an authority for the next one. What it certified stays good.
 *
 * @param trx the transaction that makes the next one
 * @param old which
 * @param atMs milliseconds since the epoch
 * @returns false where another process has replaced it already
 */
export async function retireAuthority(
  trx: Writer,
  { id, kind }: Pick<StoredAuthority, "id" | "kind">,
  atMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable("authorities")
    .set({ kind: `retired:${id}`, retired_kind: kind, retired_at: atMs })
    .where("id", "=", id)
    .where("retired_at", "is", null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

function placeOf(id: string) {
  return { table: "authorities", row: id, column: "sealed_key" };
}
