import {
  checkpointFromJson,
  checkpointToJson,
  formatTimestamp,
  parseAuditCheckpoint,
  type SignedCheckpoint,
  TautlineError,
} from "@tautline/protocol";
import type { ProvenCheckpoint } from "@tautline/pki";
import type { Logger } from "@tautline/daemon";
import { actorOf, type Principal } from "../operators/principal.ts";
import type { AuditForkTable } from "../store/audit-tables.ts";
import type { Store, Writer } from "../store/store.ts";
import type { AuditLog } from "./audit-log.ts";

/** What an agent has seen, proven, and what this central showed it, or would. */
export interface FoundFork {
  readonly agentId: string;
  readonly seen: ProvenCheckpoint;
  readonly shown: SignedCheckpoint;
}

/** A checkpoint as a list of forks shows it. */
export interface ForkSide {
  readonly number: number;
  readonly seq: number;
  readonly at: string;
  readonly head: string;
}

/** A fork of the trail as operators see it. */
export interface ForkView {
  readonly id: string;
  readonly foundAt: string;
  /** Null until an operator said why that is as it should be. */
  readonly acknowledgedAt: string | null;
  readonly seen: ForkSide;
  readonly shown: ForkSide;
  /** How many agents have seen it, and the first of them. */
  readonly witnesses: number;
  readonly agents: readonly string[];
  /** What was seen, with its signatures: evidence for `audit verify --against`. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Remembers what agents have seen that is not in this trail. */
export interface ForkStore {
  /** Records a fork, audited when it is seen for the first time. */
  record(fork: FoundFork): Promise<void>;
  list(): Promise<ForkView[]>;
  /** @throws audit.fork_unknown */
  acknowledge(id: string, who: Principal): Promise<void>;
}

/** What the store needs. */
export interface ForkStoreDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly now: () => number;
}

const ID_CHARACTERS = 16;
const SHOWN_AGENTS = 10;
const MAX_LISTED = 1_000;

/**
 * Makes the store of forks.
 *
 * @param deps store, trail, log and clock
 */
export function createForkStore(deps: ForkStoreDeps): ForkStore {
  const { store, audit, log, now } = deps;
  return {
    record: async (fork) => {
      const isNew = await store.write((trx) => recordFork(deps, trx, fork));
      const { seen, agentId: agent } = fork;
      const facts = { agent, number: seen.checkpoint.number, seq: seen.checkpoint.seq };
      if (isNew)
        log.error(facts, "an agent has seen another audit trail: see 'tautline audit forks'");
    },
    list: () => listForks(store),
    acknowledge: (id, who) =>
      store.write(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable("audit_forks")
          .set({ acknowledged_at: now() })
          .where("id", "=", id)
          .where("acknowledged_at", "is", null)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) return requireFork(trx, id);
        const subject = `audit-fork:${id}`;
        await audit.append(trx, {
          action: "audit.fork-acknowledged",
          actor: actorOf(who),
          subject,
        });
      }),
  };
}

async function recordFork(
  { audit, now }: ForkStoreDeps,
  trx: Writer,
  { agentId, seen, shown }: FoundFork,
): Promise<boolean> {
  const id = seen.hash.slice(0, ID_CHARACTERS);
  const foundAt = now();
  const row = {
    id,
    seen: JSON.stringify(checkpointToJson(seen.signed)),
    shown: JSON.stringify(checkpointToJson(shown)),
    found_at: foundAt,
    acknowledged_at: null,
  };
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto("audit_forks")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  await trx
    .insertInto("audit_fork_witnesses")
    .values({ fork_id: id, agent_id: agentId, found_at: foundAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if (numInsertedOrUpdatedRows === 0n) return false;
  const { number, seq, head, atMs } = seen.checkpoint;
  const other = parseAuditCheckpoint(shown.body);
  await audit.append(trx, {
    action: "audit.fork",
    actor: `agent:${agentId}`,
    subject: `audit-fork:${id}`,
    detail: {
      seenNumber: number,
      seenSeq: seq,
      seenHead: head,
      seenAt: formatTimestamp(atMs),
      shownNumber: other.number,
      shownSeq: other.seq,
    },
  });
  return true;
}

function listForks(store: Store): Promise<ForkView[]> {
  return store.read(async (db) => {
    const forks = await db
      .selectFrom("audit_forks")
      .selectAll()
      .orderBy("found_at")
      .limit(MAX_LISTED)
      .execute();
    const views: ForkView[] = [];
    for (const fork of forks) {
      const witnesses = await db
        .selectFrom("audit_fork_witnesses")
        .select("agent_id")
        .where("fork_id", "=", fork.id)
        .orderBy("found_at")
        .execute();
      views.push(
        viewOf(
          store.file,
          fork,
          witnesses.map((each) => each.agent_id),
        ),
      );
    }
    return views;
  });
}

function viewOf(file: string, fork: AuditForkTable, agents: readonly string[]): ForkView {
  const evidence = JSON.parse(fork.seen) as Readonly<Record<string, unknown>>;
  return {
    id: fork.id,
    foundAt: formatTimestamp(fork.found_at),
    acknowledgedAt: fork.acknowledged_at === null ? null : formatTimestamp(fork.acknowledged_at),
    seen: sideOf(file, fork.seen),
    shown: sideOf(file, fork.shown),
    witnesses: agents.length,
    agents: agents.slice(0, SHOWN_AGENTS),
    evidence,
  };
}

function sideOf(file: string, json: string): ForkSide {
  const signed = checkpointFromJson(JSON.parse(json));
  if (signed === undefined) {
    const reason = "a fork of the audit trail cannot be read";
    throw new TautlineError("store.damaged", { detail: { file, reason } });
  }
  const { number, seq, atMs, head } = parseAuditCheckpoint(signed.body);
  return { number, seq, at: formatTimestamp(atMs), head };
}

async function requireFork(trx: Writer, id: string): Promise<void> {
  const fork = await trx
    .selectFrom("audit_forks")
    .select("id")
    .where("id", "=", id)
    .executeTakeFirst();
  if (fork !== undefined) return;
  throw new TautlineError("audit.fork_unknown", { detail: { id } });
}
