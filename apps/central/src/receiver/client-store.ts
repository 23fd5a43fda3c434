import { createHash, randomBytes } from "node:crypto";
import { formatClientToken, TautlineError } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import { requireNamespace } from "../keys/new-key-rule.ts";
import type { ReceiverClientTable, ReceiverTokenTable } from "../store/receiver-tables.ts";
import type { Reader, Writer } from "../store/store.ts";
import { parseReceiverName } from "./backend-order.ts";
import type { ReceiverStoreDeps } from "./backend-store.ts";
import type { Allowance } from "./claims/claim.ts";
import { dropClaimant, listedDetail, putClaimant } from "./claims/claimant-rows.ts";
import { clientTokenState, type ClientTokenView, type ClientView } from "./client.ts";

/** A client that somebody asks for. */
export interface ClientOrder {
  readonly name: string;
  readonly namespace: string;
  readonly lifeMs: number;
  /** What its telemetry may claim to be; undefined: no list of its own. */
  readonly allowance?: Allowance | undefined;
  readonly actor: string;
}

/** A token just made: shown this once. */
export interface NewClientToken {
  readonly name: string;
  readonly namespace: string;
  readonly id: string;
  readonly token: string;
  /** RFC 3339, UTC. */
  readonly expiresAt: string;
}

/** Which tokens shall end. */
export interface ClientRevocation {
  readonly name: string;
  /** One token; undefined ends the client with all of them. */
  readonly id?: string | undefined;
  readonly actor: string;
  /** In a few words. */
  readonly why: string;
}

/** The programs that are known by a token. Each change is one transaction with its audit entry. */
export interface ClientStore {
  /** @throws value.receiver_name, api.not_found for an unknown namespace, api.conflict for a name that is taken */
  create(order: ClientOrder): Promise<NewClientToken>;
  /** Makes another token; the one before stays good until its end, so two are live at once. @throws api.not_found */
  rotate(order: Omit<ClientOrder, "namespace" | "allowance">): Promise<NewClientToken>;
  /** Ends tokens; of a client without any the name is free again. @throws api.not_found */
  revoke(order: ClientRevocation): Promise<void>;
  list(): Promise<ClientView[]>;
  /** @throws api.not_found */
  get(name: string): Promise<ClientView>;
}

/** What clients need besides. */
export interface ClientStoreDeps extends ReceiverStoreDeps {
  readonly vault: Pick<Vault, "seal">;
}

const ID_BYTES = 8;
const SECRET_BYTES = 32;
/** Good ones at once: the newest, and the one that programs still have. */
export const LIVE_TOKENS = 2;
/** Of the ended ones so many are listed; older ones stand in the trail. */
const SHOWN_ENDED = 3;

/**
 * Opens the clients of a store.
 *
 * @param deps store, vault, trail, clock, and who follows a change
 */
export function createClientStore(deps: ClientStoreDeps): ClientStore {
  const followed = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    await deps.onChanged();
    return result;
  };
  const views = async (): Promise<ClientView[]> => {
    const [clients, tokens] = await deps.store.read((db) => readAll(db));
    return clients.map((client) => viewOf(client, tokens, deps.now()));
  };
  return {
    create: (order) => followed(createClient(deps, order)),
    rotate: (order) => followed(rotateClient(deps, order)),
    revoke: (order) => followed(revokeTokens(deps, order)),
    list: views,
    get: async (name) => {
      const view = (await views()).find((each) => each.name === name);
      if (view === undefined) throw unknownClient(name);
      return view;
    },
  };
}

/**
 * The hash by which a token is known.
 *
 * @param secret of the token, 32 random bytes: no salt and no stretching would make it harder to guess
 */
export function hashOfSecret(secret: Uint8Array): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Where a token's hash stands, which is part of its seal. */
export function placeOfHash(id: string): { table: string; row: string; column: string } {
  return { table: "receiver_tokens", row: id, column: "sealed_secret_hash" };
}

async function createClient(deps: ClientStoreDeps, order: ClientOrder): Promise<NewClientToken> {
  const name = parseReceiverName(order.name);
  const { namespace, actor } = order;
  return deps.store.write(async (trx) => {
    await requireNamespace(trx, namespace);
    if ((await findClient(trx, name)) !== undefined) {
      const reason = `There is a client '${name}' already`;
      throw new TautlineError("api.conflict", { detail: { reason, noun: "clients" } });
    }
    const client = { name, namespace, created_at: deps.now(), created_by: actor };
    await trx.insertInto("receiver_clients").values(client).execute();
    const made = await addToken(deps, trx, { ...order, namespace });
    const listed = await putAllowance(deps, trx, order);
    await deps.audit.append(trx, {
      action: "client.created",
      actor,
      subject: `client:${name}`,
      detail: { namespace, tokenId: made.id, expiresAt: made.expiresAt, ...listed },
    });
    return made;
  });
}

/** @returns what the trail says of it */
async function putAllowance(
  deps: ClientStoreDeps,
  trx: Writer,
  { name, namespace, actor, allowance }: ClientOrder,
): Promise<Record<string, string>> {
  if (allowance === undefined) return {};
  const claimant = `client:${name}`;
  const order = { ...allowance, claimant, namespace, actor };
  return listedDetail(await putClaimant(trx, order, deps.now()));
}

async function rotateClient(
  deps: ClientStoreDeps,
  order: Omit<ClientOrder, "namespace" | "allowance">,
): Promise<NewClientToken> {
  const { name, actor } = order;
  return deps.store.write(async (trx) => {
    const client = await findClient(trx, name);
    if (client === undefined) throw unknownClient(name);
    const ended = await makeWay(deps, trx, name);
    const made = await addToken(deps, trx, { ...order, namespace: client.namespace });
    await deps.audit.append(trx, {
      action: "client.rotated",
      actor,
      subject: `client:${name}`,
      detail: {
        tokenId: made.id,
        expiresAt: made.expiresAt,
        ...(ended.length > 0 && { ended: ended.join(", ") }),
      },
    });
    return made;
  });
}

/** The oldest end, so that with the new one there are not more than two. */
async function makeWay(deps: ClientStoreDeps, trx: Writer, name: string): Promise<string[]> {
  const tokens = await trx
    .selectFrom("receiver_tokens")
    .selectAll()
    .where("client", "=", name)
    .orderBy("created_at", "desc")
    .orderBy("id")
    .execute();
  const good = tokens.filter((each) => stateOf(each, deps.now()) === "good");
  const old = good.slice(LIVE_TOKENS - 1).map(({ id }) => id);
  for (const id of old) await endToken(trx, id, { atMs: deps.now(), why: "rotated twice since" });
  return old;
}

async function addToken(
  deps: ClientStoreDeps,
  trx: Writer,
  { name, namespace, lifeMs, actor }: ClientOrder,
): Promise<NewClientToken> {
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES);
  const atMs = deps.now();
  const row: ReceiverTokenTable = {
    id,
    client: name,
    sealed_secret_hash: deps.vault.seal(placeOfHash(id), hashOfSecret(secret)),
    created_at: atMs,
    created_by: actor,
    expires_at: atMs + lifeMs,
    revoked_at: null,
    revoked_why: "",
  };
  await trx.insertInto("receiver_tokens").values(row).execute();
  const expiresAt = new Date(row.expires_at).toISOString();
  return { name, namespace, id, token: formatClientToken({ id, secret }), expiresAt };
}

async function revokeTokens(
  { store, audit, now }: ClientStoreDeps,
  { name, id, actor, why }: ClientRevocation,
): Promise<void> {
  await store.write(async (trx) => {
    if ((await findClient(trx, name)) === undefined) throw unknownClient(name);
    const subject = `client:${name}`;
    if (id !== undefined) {
      const token = await findToken(trx, name, id);
      if (token === undefined) throw unknownToken(id);
      if (token.revoked_at !== null) return;
      await endToken(trx, id, { atMs: now(), why });
      const detail = { tokenId: id, why };
      await audit.append(trx, { action: "client.token-revoked", actor, subject, detail });
      return;
    }
    await trx.deleteFrom("receiver_tokens").where("client", "=", name).execute();
    await trx.deleteFrom("receiver_clients").where("name", "=", name).execute();
    // The name is free again: whoever has it next is somebody else.
    await dropClaimant(trx, `client:${name}`);
    await audit.append(trx, { action: "client.revoked", actor, subject, detail: { why } });
  });
}

async function endToken(
  trx: Writer,
  id: string,
  { atMs, why }: { readonly atMs: number; readonly why: string },
): Promise<void> {
  await trx
    .updateTable("receiver_tokens")
    .set({ revoked_at: atMs, revoked_why: why })
    .where("id", "=", id)
    .execute();
}

function findClient(trx: Writer, name: string): Promise<ReceiverClientTable | undefined> {
  return trx.selectFrom("receiver_clients").selectAll().where("name", "=", name).executeTakeFirst();
}

function findToken(trx: Writer, client: string, id: string) {
  return trx
    .selectFrom("receiver_tokens")
    .select("revoked_at")
    .where("client", "=", client)
    .where("id", "=", id)
    .executeTakeFirst();
}

async function readAll(db: Reader): Promise<[ReceiverClientTable[], ReceiverTokenTable[]]> {
  return [
    await db.selectFrom("receiver_clients").selectAll().orderBy("name").execute(),
    await db
      .selectFrom("receiver_tokens")
      .selectAll()
      .orderBy("created_at", "desc")
      .orderBy("id")
      .execute(),
  ];
}

function stateOf({ expires_at, revoked_at }: ReceiverTokenTable, nowMs: number) {
  return clientTokenState({ expiresAtMs: expires_at, revokedAtMs: revoked_at }, nowMs);
}

function viewOf(
  { name, namespace, created_at, created_by }: ReceiverClientTable,
  tokens: readonly ReceiverTokenTable[],
  nowMs: number,
): ClientView {
  const own = tokens.filter(({ client }) => client === name).map((row) => tokenView(row, nowMs));
  const ended = new Set(own.filter(({ state }) => state !== "good").slice(0, SHOWN_ENDED));
  const createdAt = new Date(created_at).toISOString();
  const shown = own.filter((each) => each.state === "good" || ended.has(each));
  return { name, namespace, createdAt, createdBy: created_by, tokens: shown };
}

function tokenView(row: ReceiverTokenTable, nowMs: number): ClientTokenView {
  return {
    id: row.id,
    state: stateOf(row, nowMs),
    createdAt: new Date(row.created_at).toISOString(),
    createdBy: row.created_by,
    expiresAt: new Date(row.expires_at).toISOString(),
    why: row.revoked_why,
  };
}

function unknownClient(name: string): TautlineError {
  return new TautlineError("api.not_found", {
    detail: { thing: "client", id: name, noun: "clients" },
  });
}

function unknownToken(id: string): TautlineError {
  return new TautlineError("api.not_found", {
    detail: { thing: "client token", id, noun: "clients" },
  });
}
