import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import type { TokenRow } from "../store/schema.ts";
import { judgeToken, tokenState, type TokenFacts, type TokenState } from "./token-rule.ts";

/** A token as lists show it; the secret is never kept, only its hash, sealed. */
export interface TokenView {
  readonly id: string;
  readonly namespace: string;
  readonly state: TokenState;
  readonly uses: number;
  readonly usesMade: number;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
}

/** What a new token shall be good for. */
export interface TokenOrder {
  readonly namespace: string;
  readonly uses: number;
  readonly ttlMs: number;
  readonly createdBy: string;
}

export interface NewToken {
  readonly id: string;
  readonly secret: Buffer;
  readonly expiresAtMs: number;
}

/** The enrolment tokens of central. */
export interface TokenStore {
  create(order: TokenOrder): Promise<NewToken>;
  list(): Promise<TokenView[]>;
  /** @throws api.not_found */
  revoke(id: string, actor: string): Promise<void>;
  /**
   * Finds the token whose secret this is, in constant time.
   *
   * @throws enrolment.token_unknown for an unknown id and a wrong secret alike
   */
  prove(id: string, secret: Uint8Array): Promise<TokenRow>;
  /**
   * Takes one use inside the transaction that records the identity (a token is never burnt without one).
   *
   * @throws enrolment.token_revoked, enrolment.token_expired, enrolment.token_used_up
   */
  takeUse(trx: Writer, id: string): Promise<void>;
}

const ID_BYTES = 8;
const SECRET_BYTES = 32;

export interface TokenStoreDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly now: () => number;
}

/** Opens the enrolment tokens of a store. */
export function createTokenStore(deps: TokenStoreDeps): TokenStore {
  const { store, now } = deps;
  return {
    create: (order) => createToken(deps, order),
    list: async () => {
      const rows = await store.read((db) =>
        db.selectFrom("tokens").selectAll().orderBy("created_at").execute(),
      );
      return rows.map((row) => viewOf(row, now()));
    },
    revoke: (id, actor) => revokeToken(deps, id, actor),
    prove: (id, secret) => proveToken(deps, id, secret),
    takeUse: (trx, id) => takeUse(trx, id, now()),
  };
}

async function createToken(deps: TokenStoreDeps, order: TokenOrder): Promise<NewToken> {
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES);
  const createdAtMs = deps.now();
  const expiresAtMs = createdAtMs + order.ttlMs;
  await deps.store.write(async (trx) => {
    await requireNamespace(trx, order.namespace);
    await trx
      .insertInto("tokens")
      .values({
        id,
        namespace: order.namespace,
        sealed_secret_hash: deps.vault.seal(placeOf(id), hashOf(secret)),
        uses_allowed: order.uses,
        uses_made: 0,
        created_at: createdAtMs,
        created_by: order.createdBy,
        expires_at: expiresAtMs,
        revoked_at: null,
      })
      .execute();
    await deps.audit.append(trx, {
      action: "token.created",
      actor: order.createdBy,
      subject: `token:${id}`,
      detail: {
        namespace: order.namespace,
        uses: order.uses,
        expiresAt: new Date(expiresAtMs).toISOString(),
      },
    });
  });
  return { id, secret, expiresAtMs };
}

async function revokeToken(deps: TokenStoreDeps, id: string, actor: string): Promise<void> {
  await deps.store.write(async (trx) => {
    const row = await tokenRow(trx, id);
    if (row === undefined) {
      throw new TautlineError("api.not_found", { detail: { thing: "token", id, noun: "tokens" } });
    }
    if (row.revoked_at !== null) return;
    await trx.updateTable("tokens").set({ revoked_at: deps.now() }).where("id", "=", id).execute();
    await deps.audit.append(trx, { action: "token.revoked", actor, subject: `token:${id}` });
  });
}

async function proveToken(deps: TokenStoreDeps, id: string, secret: Uint8Array): Promise<TokenRow> {
  const row = await deps.store.read((db) => tokenRow(db, id));
  const presented = hashOf(secret);
  // An unknown id is compared too, so that its answer takes as long as that of a wrong secret.
  const known =
    row === undefined ? hashOf(presented) : deps.vault.open(placeOf(id), row.sealed_secret_hash);
  if (!timingSafeEqual(presented, known) || row === undefined) {
    throw new TautlineError("enrolment.token_unknown");
  }
  return row;
}

async function takeUse(trx: Writer, id: string, nowMs: number): Promise<void> {
  const row = await tokenRow(trx, id);
  if (row === undefined) throw new TautlineError("enrolment.token_unknown");
  const refusal = judgeToken(factsOf(row), nowMs);
  if (refusal !== undefined) throw refusal;
  await trx
    .updateTable("tokens")
    .set({ uses_made: row.uses_made + 1 })
    .where("id", "=", id)
    .execute();
}

async function requireNamespace(trx: Writer, name: string): Promise<void> {
  const known = await trx
    .selectFrom("namespaces")
    .select("name")
    .where("name", "=", name)
    .executeTakeFirst();
  if (known !== undefined) return;
  throw new TautlineError("api.not_found", {
    detail: { thing: "namespace", id: name, noun: "namespaces" },
  });
}

function tokenRow(db: Reader | Writer, id: string): Promise<TokenRow | undefined> {
  return db.selectFrom("tokens").selectAll().where("id", "=", id).executeTakeFirst();
}

function factsOf(row: TokenRow): TokenFacts {
  return {
    usesAllowed: row.uses_allowed,
    usesMade: row.uses_made,
    expiresAtMs: row.expires_at,
    revokedAtMs: row.revoked_at,
  };
}

function viewOf(row: TokenRow, nowMs: number): TokenView {
  return {
    id: row.id,
    namespace: row.namespace,
    state: tokenState(factsOf(row), nowMs),
    uses: row.uses_allowed,
    usesMade: row.uses_made,
    createdAt: new Date(row.created_at).toISOString(),
    createdBy: row.created_by,
    expiresAt: new Date(row.expires_at).toISOString(),
  };
}

function placeOf(id: string) {
  return { table: "tokens", row: id, column: "sealed_secret_hash" };
}

function hashOf(secret: Uint8Array): Buffer {
  return createHash("sha256").update(secret).digest();
}
