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
import type { AuthorityTable } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";
import type { AuthorityDeps } from "./authority-deps.ts";

/** An authority with its place in the database. */
export interface StoredAuthority extends Authority {
  readonly id: string;
  readonly kind: AuthorityTable["kind"];
  readonly namespace: string;
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
    kind: row.kind,
    namespace: row.namespace,
    certificate: readCertificate(store.file, row),
    privateKey: importPrivateKey(vault.open(placeOf(row.id), row.sealed_key).toString("utf8")),
  }));
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

function placeOf(id: string) {
  return { table: "authorities", row: id, column: "sealed_key" };
}
