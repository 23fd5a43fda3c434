import { timingSafeEqual } from "node:crypto";
import { type ClientToken, TautlineError } from "@tautline/protocol";
import type { Vault } from "@tautline/vault";
import { oneMoreRun } from "../revocation/one-more-run.ts";
import { readCounter } from "../store/counter.ts";
import type { Store } from "../store/store.ts";
import type { Backend } from "./backend.ts";
import { backendOfRow } from "./backend-rows.ts";
import type { ProvenClient, ShownToken } from "./caller.ts";
import { clientTokenState, type ClientTokenFacts } from "./client.ts";
import { hashOfSecret, placeOfHash } from "./client-store.ts";
import type { HeldAllowance } from "./claims/claim.ts";
import { allowanceOfRow } from "./claims/claimant-rows.ts";

/** Every backend, every client's token and every list of claims, held in memory: a call waits for no disk. */
export interface ReceiverBook {
  backends(): readonly Backend[];
  /**
   * Judges a token that a call shows, in constant time.
   *
   * @returns the client, or receiver.token_unknown for an unknown id and a wrong secret alike, receiver.token_ended
   */
  prove(token: ClientToken): ShownToken;
  /**
   * Judges again a client that was proven.
   *
   * @returns receiver.token_ended where its token is no longer good
   */
  judgeAgain(client: Pick<ProvenClient, "name" | "tokenId">): TautlineError | undefined;
  /**
   * Tells what a sender of telemetry may claim to be, as it is now.
   *
   * @param claimants that it stands for
   * @param namespace of the call: its list counts where none of them has one
   * @returns every list that holds for it; none where it may claim nothing
   */
  allowancesOf(
    claimants: readonly string[],
    namespace: string | undefined,
  ): readonly HeldAllowance[];
  /** Has a listener called after each change, whichever process made it. */
  onChange(listener: () => void): void;
  /**
   * Reads everything anew where any process on this database has changed something; cheap where none has.
   *
   * @throws store.*, vault.*
   */
  look(): Promise<void>;
}

interface KnownToken extends ClientTokenFacts {
  readonly name: string;
  readonly namespace: string;
  readonly hash: Uint8Array;
}

/**
 * Makes the book; it is empty until its first `look`, and whoever makes it calls that by the clock and after each change.
 *
 * @param deps central's database, the vault that opens hashes, the clock
 */
export function createReceiverBook(deps: {
  readonly store: Store;
  readonly vault: Pick<Vault, "open">;
  readonly now: () => number;
}): ReceiverBook {
  const { store, now } = deps;
  let seen: number | undefined;
  let backends: readonly Backend[] = [];
  let tokens: ReadonlyMap<string, KnownToken> = new Map();
  let claimants: ReadonlyMap<string, HeldAllowance> = new Map();
  const listeners = new Set<() => void>();
  const lookOnce = async (): Promise<void> => {
    const changes = await readCounter(store, "receiver");
    if (changes === seen) return;
    [backends, tokens, claimants] = await readAll(deps);
    // Counted before the rows were read: what changed meanwhile is read again at the next look.
    seen = changes;
    for (const listener of listeners) listener();
  };
  return {
    backends: () => backends,
    prove: ({ id, secret }) => {
      const known = tokens.get(id);
      const presented = hashOfSecret(secret);
      // Compared in both cases, so that time does not tell which ids there are.
      const isRight = timingSafeEqual(presented, known?.hash ?? hashOfSecret(presented));
      if (known === undefined || !isRight) {
        return { kind: "refused", error: new TautlineError("receiver.token_unknown") };
      }
      const error = endedOf(known, now());
      if (error !== undefined) return { kind: "refused", error };
      const { name, namespace, expiresAtMs } = known;
      return { kind: "proven", client: { name, namespace, tokenId: id, expiresAtMs } };
    },
    judgeAgain: ({ name, tokenId }) => {
      const known = tokens.get(tokenId);
      if (known !== undefined) return endedOf(known, now());
      return new TautlineError("receiver.token_ended", { detail: { name, reason: REMOVED } });
    },
    allowancesOf: (names, namespace) => {
      const own = names.flatMap((name) => claimants.get(name) ?? []);
      if (own.length > 0 || namespace === undefined) return own;
      const shared = claimants.get(`namespace:${namespace}`);
      return shared === undefined ? [] : [shared];
    },
    onChange: (listener) => void listeners.add(listener),
    look: oneMoreRun(lookOnce),
  };
}

const REMOVED = "the client was revoked";

function endedOf(token: KnownToken, nowMs: number): TautlineError | undefined {
  const state = clientTokenState(token, nowMs);
  if (state === "good") return undefined;
  const expired = `it expired at ${new Date(token.expiresAtMs).toISOString()}`;
  const reason = state === "expired" ? expired : "it was revoked";
  return new TautlineError("receiver.token_ended", { detail: { name: token.name, reason } });
}

async function readAll({
  store,
  vault,
}: {
  readonly store: Store;
  readonly vault: Pick<Vault, "open">;
}): Promise<
  [readonly Backend[], ReadonlyMap<string, KnownToken>, ReadonlyMap<string, HeldAllowance>]
> {
  const [backendRows, tokenRows, claimantRows] = await store.read((db) =>
    Promise.all([
      db.selectFrom("receiver_backends").selectAll().orderBy("name").execute(),
      db
        .selectFrom("receiver_tokens")
        .innerJoin("receiver_clients", "receiver_clients.name", "receiver_tokens.client")
        .selectAll("receiver_tokens")
        .select("receiver_clients.namespace")
        .execute(),
      db.selectFrom("receiver_claimants").selectAll().execute(),
    ]),
  );
  const tokens = tokenRows.map((row): [string, KnownToken] => [
    row.id,
    {
      name: row.client,
      namespace: row.namespace,
      hash: vault.open(placeOfHash(row.id), row.sealed_secret_hash),
      expiresAtMs: row.expires_at,
      revokedAtMs: row.revoked_at,
    },
  ]);
  const claimants = claimantRows.map((row): [string, HeldAllowance] => [
    row.claimant,
    { claimant: row.claimant, ...allowanceOfRow(row) },
  ]);
  return [backendRows.map(backendOfRow), new Map(tokens), new Map(claimants)];
}
