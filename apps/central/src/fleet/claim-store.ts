import { isTautlineError, TautlineError } from "@tautline/protocol";
import type { Herd } from "../herd/herd.ts";
import type { AgentRow } from "../store/schema.ts";
import type { Reader, Store, Writer } from "../store/store.ts";
import {
  CLAIM_LIMITS,
  CLAIM_STATES,
  type ClaimKey,
  type ClaimStanding,
  judgeClaim,
} from "./claim-rule.ts";
import { saveStatus, type StatusChange } from "./save-status.ts";

/** Somebody without an identity, as it says to be. */
export interface Claim {
  readonly id: string;
  /** The shared key it came over. */
  readonly key: ClaimKey | undefined;
  /** A label, if it said one. */
  readonly name: string | undefined;
  readonly remoteAddress: string;
}

/** The agents that nobody proved to be: seen, counted, given nothing. */
export interface ClaimStore {
  /**
   * Judges a claim and records it; on the disk when the promise resolves.
   *
   * @returns the agent as it is recorded now
   * @throws admission.id_enrolled, admission.claim_differs, admission.key_not_yours, admission.claims_full, admission.claims_limited,
   *   admission.source_limited
   */
  see(claim: Claim): Promise<AgentRow>;
  /** Writes what a status message changed, unless the agent has got an identity meanwhile. */
  saveStatus(id: string, change: StatusChange): Promise<void>;
  /** Notes that an agent is told of its promotion; to be done before it is told. */
  notePromotionTold(id: string): Promise<void>;
}

/** What seeing claims needs. */
export interface ClaimStoreDeps {
  readonly store: Store;
  readonly now: () => number;
  readonly sources: Pick<Herd["sources"], "failed" | "waitMs" | "claimed" | "claimWaitMs">;
}

/**
 * Opens the record of agents without an identity.
 *
 * @param deps database, clock, and the memory of sources
 */
export function createClaimStore(deps: ClaimStoreDeps): ClaimStore {
  const { store, now } = deps;
  return {
    see: (claim) => see(deps, claim),
    saveStatus: (id, change) => saveStatus(store, id, change, "claim"),
    notePromotionTold: (id) =>
      store.run(`update "agents" set "promotion_told_at" = ? where "id" = ?`, [now(), id]),
  };
}

async function see(deps: ClaimStoreDeps, claim: Claim): Promise<AgentRow> {
  const known = await deps.store.read((db) => recordedOf(db, claim.id));
  const standing = standingOf(deps, claim, known);
  const { row } = known;
  if (row !== undefined && isAsRecorded(row, claim, standing)) return row;
  if (row === undefined) refuseTooMany(deps, claim);
  // Judged again: an operator, or the holder of a token, may have come between.
  return deps.store.write(async (trx) => {
    const current = await recordedOf(trx, claim.id);
    return record(deps, trx, {
      claim,
      standing: standingOf(deps, claim, current),
      row: current.row,
    });
  });
}

interface Recorded {
  readonly row: AgentRow | undefined;
  readonly deletedFrom: string | undefined;
}

async function recordedOf(db: Reader | Writer, id: string): Promise<Recorded> {
  const row = await db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
  if (row !== undefined) return { row, deletedFrom: undefined };
  const deleted = await db
    .selectFrom("deleted_agents")
    .select("namespace")
    .where("id", "=", id)
    .executeTakeFirst();
  return { row, deletedFrom: deleted?.namespace };
}

function standingOf(
  { sources }: ClaimStoreDeps,
  { id, key, remoteAddress }: Claim,
  { row, deletedFrom }: Recorded,
): ClaimStanding {
  const deleted =
    deletedFrom === undefined ? undefined : ({ state: "deleted", namespace: deletedFrom } as const);
  const verdict = judgeClaim({ id, key, recorded: row ?? deleted });
  if (!isTautlineError(verdict)) return verdict;
  sources.failed(remoteAddress);
  throw verdict;
}

function isAsRecorded(row: AgentRow, { name }: Claim, { state }: ClaimStanding): boolean {
  return row.state === state && (name === undefined || row.name === name);
}

/** Only who is new asks: a neighbour behind the same address holds up nobody that is known already. */
function refuseTooMany({ sources }: ClaimStoreDeps, { remoteAddress }: Claim): void {
  const failedMs = sources.waitMs(remoteAddress);
  if (failedMs !== undefined) throw waitFor("admission.source_limited", failedMs);
  const claimedMs = sources.claimWaitMs(remoteAddress);
  if (claimedMs !== undefined) throw waitFor("admission.claims_limited", claimedMs);
  sources.claimed(remoteAddress);
}

function waitFor(
  code: "admission.source_limited" | "admission.claims_limited",
  waitMs: number,
): TautlineError {
  return new TautlineError(code, { detail: { retryAfterSeconds: Math.ceil(waitMs / 1_000) } });
}

interface Recording {
  readonly claim: Claim;
  readonly standing: ClaimStanding;
  readonly row: AgentRow | undefined;
}

async function record(
  { now }: ClaimStoreDeps,
  trx: Writer,
  { claim, standing, row }: Recording,
): Promise<AgentRow> {
  const { id, name } = claim;
  if (row !== undefined) {
    const change = { state: standing.state, name: name ?? row.name };
    await trx.updateTable("agents").set(change).where("id", "=", id).execute();
    return { ...row, ...change };
  }
  await requireRoom(trx, standing.namespace);
  return trx
    .insertInto("agents")
    .values({
      ...standing,
      id,
      name: name ?? id,
      joined_at: now(),
      token_id: "",
      client_pin: "",
      server_pin: "",
      version: "",
      attributes: "{}",
      config_status: "unset",
      config_error: "",
      instruction_seq: 0,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function requireRoom(trx: Writer, namespace: string): Promise<void> {
  const { count } = await trx
    .selectFrom("agents")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("namespace", "=", namespace)
    .where("state", "in", CLAIM_STATES)
    .executeTakeFirstOrThrow();
  const limit = CLAIM_LIMITS.agentsPerNamespace;
  if (count < limit) return;
  throw new TautlineError("admission.claims_full", { detail: { namespace, limit } });
}

/**
 * Finds those of some ids that may not be claimed any more.
 *
 * @param store central's database
 * @param ids under which links without an identity live
 * @returns what their links are told
 */
export async function endedClaims(
  store: Store,
  ids: readonly string[],
): Promise<ReadonlyMap<string, TautlineError>> {
  if (ids.length === 0) return new Map();
  const rows = await store.read((db) =>
    db.selectFrom("agents").select(["id", "state"]).where("state", "in", CLAIM_STATES).execute(),
  );
  const standing = new Set(rows.map(({ id }) => id));
  const gone = [...new Set(ids)].filter((id) => !standing.has(id));
  return new Map(gone.map((id) => [id, claimEnded(id, "central knows it otherwise by now")]));
}

/**
 * What the link of an agent without an identity is told when it ends.
 *
 * @param id the agent
 * @param reason the end of a sentence
 */
export function claimEnded(id: string, reason: string): TautlineError {
  return new TautlineError("admission.claim_ended", { detail: { id, reason } });
}
