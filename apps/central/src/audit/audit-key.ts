import type { KeyObject } from "node:crypto";
import { createKeyPair, exportPrivateKey, importPrivateKey } from "@tautline/pki";
import type { SignedText } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { CertificateAuthority } from "../authority/authority.ts";
import type { Store } from "../store/store.ts";
import type { AuditLog } from "./audit-log.ts";

/** The key that signs checkpoints and nothing else; certified by the root, so that whoever pins the root can check it. */
export interface AuditKey {
  readonly number: number;
  readonly privateKey: KeyObject;
  /** What the root says of it. */
  readonly statement: SignedText;
}

/** What opening the key needs. */
export interface AuditKeyDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly authority: Pick<CertificateAuthority, "certifyAuditKey">;
  readonly centralId: string;
  readonly now: () => number;
}

const FIRST = 1;

/**
 * Opens the newest audit key, making one on the first start.
 *
 * @param deps store, vault, trail, and the root that certifies it
 * @throws vault.field_damaged, store.*
 */
export async function openAuditKey(deps: AuditKeyDeps): Promise<AuditKey> {
  const row = await deps.store.read((db) =>
    db.selectFrom("audit_keys").selectAll().orderBy("number", "desc").limit(1).executeTakeFirst(),
  );
  if (row === undefined) return createAuditKey(deps);
  const pem = deps.vault.open(placeOf(row.number), row.sealed_key).toString("utf8");
  return {
    number: row.number,
    privateKey: importPrivateKey(pem),
    statement: { body: row.statement, signature: row.statement_signature },
  };
}

async function createAuditKey(deps: AuditKeyDeps): Promise<AuditKey> {
  const { store, vault, audit, authority, centralId: central, now } = deps;
  const number = FIRST;
  const { privateKey, publicKey } = createKeyPair("ed25519");
  const statement = authority.certifyAuditKey({ central, number, atMs: now() }, publicKey);
  const row = {
    number,
    statement: statement.body,
    statement_signature: statement.signature,
    sealed_key: vault.seal(placeOf(number), Buffer.from(exportPrivateKey(privateKey))),
  };
  await store.write(async (trx) => {
    await trx.insertInto("audit_keys").values(row).execute();
    const subject = `audit-key:${number}`;
    await audit.append(trx, { action: "audit.key-created", actor: "central", subject });
  });
  return { number, privateKey, statement };
}

function placeOf(number: number) {
  return { table: "audit_keys", row: String(number), column: "sealed_key" };
}
