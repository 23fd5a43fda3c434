import type { Logger } from "@tautline/daemon";
import { checkpointHash, signCheckpoint } from "@tautline/pki";
import { chainHash, GENESIS } from "@tautline/vault";
import type { Store } from "../store/store.ts";
import type { AuditKey } from "./audit-key.ts";
import type { AuditLog } from "./audit-log.ts";
import { type KeptCheckpoint, newestCheckpoint } from "./checkpoint-store.ts";

/** Signs a checkpoint when there was enough news; never in the transaction of a change. */
export interface CheckpointKeeper {
  /** The newest checkpoint; undefined before the first. */
  newest(): KeptCheckpoint | undefined;
  /** Signs the trail's head, unless the newest checkpoint names it already; resolves when that is on the disk. */
  sign(): Promise<void>;
  /** Calls `onNews` after each new checkpoint; returns what ends that. */
  watch(onNews: () => void): () => void;
  /** Signs no more by itself, and waits for what is under way. */
  stop(): Promise<void>;
}

/** What the keeper needs. */
export interface CheckpointKeeperDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly key: AuditKey;
  readonly trustDomain: string;
  readonly centralId: string;
  /** New entries after which it signs without being told. */
  readonly everyEntries: number;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Opens the keeper: from then on it counts new entries.
 *
 * @param deps store, trail, key, and whose trail it is
 * @throws store.*
 */
export async function openCheckpointKeeper(deps: CheckpointKeeperDeps): Promise<CheckpointKeeper> {
  const { store, audit, everyEntries, log } = deps;
  const watchers = new Set<() => void>();
  let newest = await store.read(newestCheckpoint);
  let unsigned = 0;
  let isStopped = false;
  let last = Promise.resolve();
  const signOnce = async (): Promise<void> => {
    const made = await makeCheckpoint(deps);
    if (made === undefined) return;
    newest = made;
    for (const tell of watchers) tell();
  };
  // One after the other: two at once would both follow the same one.
  const sign = (): Promise<void> => {
    const work = last.then(() => {
      unsigned = 0;
      return signOnce();
    });
    last = work.catch(() => {});
    return work;
  };
  const stopCounting = audit.watch(() => {
    unsigned += 1;
    if (unsigned !== everyEntries || isStopped) return;
    // Later: the transaction that told of its entry is still open.
    sign().catch((error: unknown) => log.error({ err: error }, "a checkpoint was not signed"));
  });
  return {
    newest: () => newest,
    sign,
    watch: (onNews) => {
      const tell = (): void => onNews();
      watchers.add(tell);
      return () => void watchers.delete(tell);
    },
    stop: async () => {
      isStopped = true;
      stopCounting();
      await last;
    },
  };
}

async function makeCheckpoint(deps: CheckpointKeeperDeps): Promise<KeptCheckpoint | undefined> {
  const { store, key, trustDomain, centralId: central, now, log } = deps;
  const found = await readHead(store);
  if (found === undefined) return undefined;
  const { before, seq, head, isSound } = found;
  if (before?.seq === seq && before.namedHead === head) return undefined;
  // Signed all the same: what follows is then protected, and `audit verify` still names the place.
  if (!isSound)
    log.error({ seq }, "the audit trail does not hold together: run 'tautline audit verify'");
  const number = (before?.number ?? 0) + 1;
  const previous = before?.hash ?? GENESIS;
  const parts = { trustDomain, central, number, seq, head, atMs: now(), previous };
  const { body, signature } = signCheckpoint(key.privateKey, parts);
  const hash = checkpointHash(body);
  const row = { number, seq, hash, body, signature, key_number: key.number };
  await store.write((trx) => trx.insertInto("audit_checkpoints").values(row).execute());
  return { number, seq, hash, signed: { body, signature, key: key.statement } };
}

interface FoundHead {
  readonly before: (KeptCheckpoint & { readonly namedHead: string | undefined }) | undefined;
  readonly seq: number;
  readonly head: string;
  /** The last entry is what was hashed, and the newest checkpoint names an entry that is there. */
  readonly isSound: boolean;
}

function readHead(store: Store): Promise<FoundHead | undefined> {
  return store.read(async (db) => {
    const last = await db
      .selectFrom("audit")
      .selectAll()
      .orderBy("seq", "desc")
      .limit(1)
      .executeTakeFirst();
    if (last === undefined) return undefined;
    const newest = await newestCheckpoint(db);
    const namedHead = /\nhead ([0-9a-f]{64})\n/.exec(newest?.signed.body ?? "")?.[1];
    const named = await db
      .selectFrom("audit")
      .select("hash")
      .where("seq", "=", newest?.seq ?? 0)
      .executeTakeFirst();
    const isSound = last.hash === chainHash(last.previous, last.body) && named?.hash === namedHead;
    const before = newest && { ...newest, namedHead };
    return { before, seq: last.seq, head: last.hash, isSound };
  });
}
