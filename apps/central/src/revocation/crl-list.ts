import type { Logger } from "@tautline/daemon";
import type { CertificateAuthority, Issuer } from "../authority/authority.ts";
import { collectEntries, type CrlEntries, type CrlEntryDeps } from "./crl-entries.ts";
import { type CrlMoment, type CrlPlan, type KnownCrl, planCrl } from "./crl-rule.ts";
import { oneMoreRun } from "./one-more-run.ts";
import { createCrlStore, type CrlStore, type CrlSummary } from "./crl-store.ts";

/** An authority's newest list. */
export interface PublishedCrl {
  readonly authorityId: string;
  readonly number: number;
  /** Milliseconds since the epoch, whole seconds. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly entries: number;
  readonly der: Buffer;
}

/** The revocation lists of every authority, renewed by themselves. */
export interface Crls {
  /** From memory: strangers may ask as often as they like (A20). */
  current(authorityId: string): PublishedCrl | undefined;
  /**
   * Takes over lists that another process made, and makes those anew that something was revoked from or that are past half of
   * their lives. What was revoked before it is called is in the lists when it resolves.
   *
   * @throws store.*
   */
  refresh(): Promise<void>;
  /** The same, if a list is missing or due by the clock; asks nothing but memory where none is. */
  refreshIfDue(): Promise<void>;
}

/** What the lists need. */
export interface CrlDeps extends CrlEntryDeps {
  readonly authority: Pick<CertificateAuthority, "issuers" | "issueCrl">;
  readonly now: () => number;
  readonly log: Logger;
  /** From its making to the time that it names for the next one. */
  readonly lifetimeMs: number;
}

/**
 * Opens the revocation lists, making those that are missing or due.
 *
 * @param deps database, authorities, clock, lifetime
 */
export async function openCrls(deps: CrlDeps): Promise<Crls> {
  const lists = createCrlStore(deps.store);
  const shelf: Shelf = { deps, lists, published: new Map(), kept: new Map() };
  const refresh = oneMoreRun(() => refreshAll(shelf));
  await refresh();
  return {
    current: (authorityId) => shelf.published.get(authorityId),
    refresh,
    refreshIfDue: async () => {
      if (isAnyDue(shelf)) await refresh();
    },
  };
}

/** An authority that has ended signs nothing that anybody would believe. */
function signing({ authority, now }: CrlDeps): readonly Issuer[] {
  return authority.issuers().filter(({ certificate }) => certificate.validToDate.getTime() > now());
}

function isAnyDue({ deps, published }: Shelf): boolean {
  const { now, lifetimeMs } = deps;
  // Only the clock is asked here; what was revoked is told otherwise.
  const covers = "";
  return signing(deps).some(({ id }) => {
    const known = published.get(id);
    const moment = { nowMs: now(), lifetimeMs, covers };
    return planCrl(known && { ...known, covers }, moment) !== undefined;
  });
}

interface Shelf {
  readonly deps: CrlDeps;
  readonly lists: CrlStore;
  readonly published: Map<string, PublishedCrl>;
  /** Encoded entries of the newest list of each authority. */
  readonly kept: Map<string, CrlEntries>;
}

async function refreshAll(shelf: Shelf): Promise<void> {
  const { deps, lists } = shelf;
  const covered = await lists.covered();
  const summaries = await lists.summaries();
  for (const issuer of signing(deps)) {
    const summary = summaries.get(issuer.id);
    const now: CrlMoment = {
      nowMs: deps.now(),
      lifetimeMs: deps.lifetimeMs,
      covers: covered.get(issuer.id) ?? "",
    };
    const plan = planCrl(summary && knownFrom(summary), now);
    const isMade = plan !== undefined && (await make(shelf, { issuer, summary, plan, now }));
    if (isMade || shelf.published.get(issuer.id)?.number === summary?.number) continue;
    await takeOver(shelf, issuer.id);
  }
}

interface Making {
  readonly issuer: Issuer;
  readonly summary: CrlSummary | undefined;
  readonly plan: CrlPlan;
  readonly now: CrlMoment;
}

async function make(shelf: Shelf, { issuer, summary, plan, now }: Making): Promise<boolean> {
  const { deps, lists, kept } = shelf;
  const { id } = issuer;
  const { number, thisUpdate, nextUpdate, endedBeforeMs } = plan;
  const before = kept.get(id) ?? new Map();
  const entries = await collectEntries(deps, { issuerId: id, endedBeforeMs, kept: before });
  // Putting together and signing, and then writing, are some milliseconds each.
  await deps.pause();
  const der = deps.authority.issueCrl(id, {
    entries: [...entries.values()],
    number,
    thisUpdate: new Date(thisUpdate),
    nextUpdate: new Date(nextUpdate),
  });
  const row = {
    authority_id: id,
    number,
    this_update: thisUpdate,
    next_update: nextUpdate,
    entries: entries.size,
    // Looked up before the entries were read: what was revoked meanwhile is not covered.
    covers: now.covers,
    der,
  };
  await deps.pause();
  if (!(await lists.replace(row, summary?.number ?? 0))) return false;
  kept.set(id, entries);
  publish(shelf, { ...plan, authorityId: id, entries: entries.size, der });
  const { kind, namespace } = issuer;
  deps.log.info({ kind, namespace, number, entries: entries.size }, "a revocation list was made");
  return true;
}

/** Another process made it, or an earlier run of this one. */
async function takeOver(shelf: Shelf, authorityId: string): Promise<void> {
  const row = await shelf.lists.read(authorityId);
  if (row === undefined) return;
  publish(shelf, {
    authorityId,
    number: row.number,
    thisUpdate: row.this_update,
    nextUpdate: row.next_update,
    entries: row.entries,
    der: Buffer.from(row.der),
  });
}

function publish(
  { published }: Shelf,
  { authorityId, number, thisUpdate, nextUpdate, entries, der }: PublishedCrl,
): void {
  published.set(authorityId, { authorityId, number, thisUpdate, nextUpdate, entries, der });
}

function knownFrom({ number, this_update, next_update, covers }: CrlSummary): KnownCrl {
  return { number, thisUpdate: this_update, nextUpdate: next_update, covers };
}
