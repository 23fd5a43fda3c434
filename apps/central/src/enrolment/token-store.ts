import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import type { AuditEvent } from "../audit/audit-event.ts";
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
  /** Whoever joins with it waits until an operator approves. */
  readonly approve: boolean;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string;
}

/** What a new token shall be good for. */
export interface TokenOrder {
  readonly namespace: string;
  readonly uses: number;
  readonly ttlMs: number;
  /** Whoever joins with it waits until an operator approves; not so by default. */
  readonly approve?: boolean;
  readonly createdBy: string;
}

/** A token just made. */
export interface NewToken {
  readonly id: string;
  /** What is handed to the new host; it holds the secret, which is shown this once and kept nowhere. */
  readonly token: string;
  readonly expiresAtMs: number;
}

/** What stands in a token's text and is not central's address or key. */
export interface TokenParts {
  readonly namespace: string;
  readonly tokenId: string;
  readonly secret: Uint8Array;
}

/** The enrolment tokens of central. */
export interface TokenStore {
  /** @throws api.not_found for an unknown namespace */
  create(order: TokenOrder): Promise<NewToken>;
  list(): Promise<TokenView[]>;
  /**
   * @param detail why, for the trail
   * @throws api.not_found
   */
  revoke(id: string, actor: string, detail?: AuditEvent["detail"]): Promise<void>;
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

/** What the tokens need. */
export interface TokenStoreDeps {
  readonly store: Store;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly now: () => number;
  /** Writes a token's text: to its own parts it adds where central is and which root to trust. */
  readonly formatToken: (parts: TokenParts) => string;
}

/**
 * Opens the enrolment tokens of a store.
 *
 * @param deps store, vault, trail, clock, and the way to write a token's text
 */
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
    revoke: (id, actor, detail) => revokeToken(deps, { id, actor, detail }),
    prove: (id, secret) => proveToken(deps, id, secret),
    takeUse: (trx, id) => takeUse(trx, id, now()),
  };
}

async function createToken(deps: TokenStoreDeps, order: TokenOrder): Promise<NewToken> {
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES);
  const createdAtMs = deps.now();
  const expiresAtMs = createdAtMs + order.ttlMs;
  const { namespace, approve = false } = order;
  return deps.store.write(async (trx) => {
    await requireNamespace(trx, namespace);
    await trx
      .insertInto("tokens")
      .values({
        id,
        namespace,
        sealed_secret_hash: deps.vault.seal(placeOf(id), hashOf(secret)),
        uses_allowed: order.uses,
        uses_made: 0,
        approve: Number(approve),
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
        namespace,
        uses: order.uses,
        expiresAt: new Date(expiresAtMs).toISOString(),
        ...(approve && { approval: "asked" }),
      },
    });
    return { id, token: deps.formatToken({ namespace, tokenId: id, secret }), expiresAtMs };
  });
}

interface TokenRevocation {
  readonly id: string;
  readonly actor: string;
  readonly detail: AuditEvent["detail"] | undefined;
}

async function revokeToken(
  deps: TokenStoreDeps,
  { id, actor, detail }: TokenRevocation,
): Promise<void> {
  await deps.store.write(async (trx) => {
    const row = await tokenRow(trx, id);
    if (row === undefined) {
      throw new TautlineError("api.not_found", { detail: { thing: "token", id, noun: "tokens" } });
    }
    if (row.revoked_at !== null) return;
    await trx.updateTable("tokens").set({ revoked_at: deps.now() }).where("id", "=", id).execute();
    const event = { action: "token.revoked", actor, subject: `token:${id}` } as const;
    await deps.audit.append(trx, detail === undefined ? event : { ...event, detail });
  });
}

async function proveToken(deps: TokenStoreDeps, id: string, secret: Uint8Array): Promise<TokenRow> {
  const row = await deps.store.read((db) => tokenRow(db, id));
  const presented = hashOf(secret);
  // Compared in both cases. What time still tells is whether an id exists, and an id is no secret.
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
    approve: row.approve !== 0,
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
