import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type LinkEvidence,
  type LinkKind,
  parseSpiffeId,
  printableText,
  type TautlineError,
} from "@tautline/protocol";
import { profileOf } from "./evidence-profile.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { shownAddress } from "../sources/remote-network.ts";
import { dayOf } from "./span.ts";
import type { Sighting, SpanStore } from "./span-store.ts";
import { AGENTS_AT_ONCE } from "./span-table.ts";
import type { StrangerStore } from "./stranger-store.ts";
import { createWaitingSightings, type WaitingSightings } from "./waiting-sightings.ts";

/** A link as the history sees it. */
export interface ObservedLink {
  readonly agentId: string;
  readonly remoteAddress: string;
  readonly evidence: LinkEvidence;
  /** `control` where it is not said. */
  readonly kind?: LinkKind;
  /** The agent's component; `agent` where it is not said. */
  readonly component?: string;
}

/** Somebody who was refused, as the history sees him. */
export interface ObservedCaller {
  readonly remoteAddress: string;
  readonly evidence: LinkEvidence;
  /** The agent that was proven to be there, also where nothing binds its proof to what it says (plaintext). */
  readonly provenId?: string | undefined;
  /** `control` where it is not said. */
  readonly linkKind?: LinkKind | undefined;
  /** Whose expired certificate was shown, and its key proven. */
  readonly lapsed?: { readonly peerId: string } | undefined;
}

/** Turns what happens to links into history: in memory at once, on the disk with the next flush. */
export interface HistoryRecorder {
  /** A link's first message was answered. */
  opened(link: ObservedLink): void;
  /** A message came over a link that was opened. */
  seen(link: ObservedLink, atMs: number): void;
  /** A link is no more; does nothing for one that was never opened. */
  closed(link: ObservedLink, lastMs?: number): void;
  /** Somebody was refused: an agent that proved itself by itself, anybody else as one of a network. Central's own failures are no refusals. */
  refused(error: TautlineError, caller: ObservedCaller): void;
  /** The same for a connection that failed before anybody could prove anything. */
  strangerRefused(error: TautlineError, remoteAddress: string): void;
  /** Takes what an earlier run of central last saw of links that it could not close. */
  resumed(links: readonly (ObservedLink & { readonly lastMs: number })[]): void;
  /**
   * Writes what waits: a bounded part of it, the rest with the next flush.
   *
   * @param much `strangers`: their counts as well, which else wait for a minute; `everything`: until nothing waits
   * @throws store.* ; what was not written waits on
   */
  flush(much?: "strangers" | "everything"): Promise<void>;
}

/** What the recorder writes to. */
export interface HistoryRecorderDeps {
  readonly spans: Pick<SpanStore, "add">;
  readonly strangers: Pick<StrangerStore, "note" | "flush">;
  readonly now: () => number;
}

/** A link that lives is written this often, and at once on a new day: its last sighting is that much behind at most. */
export const WRITTEN_EVERY_MS = 900_000;
/** Strangers' counts are written this often (A20). */
export const STRANGERS_EVERY_MS = 60_000;
/** Transactions of one flush; the event loop turns between them. */
const SLICES_A_FLUSH = 16;

interface Watched {
  lastMs: number;
  writtenMs: number;
}

/**
 * Makes a recorder that has seen nothing yet.
 *
 * @param deps where it writes, and the clock
 */
export function createHistoryRecorder(deps: HistoryRecorderDeps): HistoryRecorder {
  const { strangers, now } = deps;
  const waiting = createWaitingSightings(HISTORY_LIMITS.waiting);
  const watched = new Map<ObservedLink, Watched>();
  const note = (link: ObservedLink, atMs: number, links: number): void =>
    void waiting.add(sightingOf(link, { atMs, links }));
  const flush = createFlush(deps, waiting);
  return {
    opened: (link) => {
      const atMs = now();
      watched.set(link, { lastMs: atMs, writtenMs: atMs });
      note(link, atMs, 1);
    },
    seen: (link, atMs) => {
      const watch = watched.get(link);
      if (watch === undefined) return;
      watch.lastMs = atMs;
      const isNewDay = dayOf(atMs) !== dayOf(watch.writtenMs);
      if (!isNewDay && Math.abs(atMs - watch.writtenMs) < WRITTEN_EVERY_MS) return;
      watch.writtenMs = atMs;
      note(link, atMs, 0);
    },
    closed: (link, lastMs) => {
      const watch = watched.get(link);
      if (watch === undefined) return;
      watched.delete(link);
      const atMs = lastMs ?? watch.lastMs;
      if (atMs !== watch.writtenMs) note(link, atMs, 0);
    },
    refused: (error, caller) => {
      if (error.status >= 500) return;
      const { remoteAddress, evidence, linkKind: kind = "control" } = caller;
      const agentId = provenAgentOf(caller);
      const seen = { atMs: now(), links: 1, code: error.code };
      const isNoted =
        agentId !== undefined &&
        waiting.add(sightingOf({ agentId, remoteAddress, evidence, kind }, seen));
      if (!isNoted) strangers.note(error.code, remoteAddress, now());
    },
    strangerRefused: (error, remoteAddress) => {
      if (error.status < 500) strangers.note(error.code, remoteAddress, now());
    },
    resumed: (links) => {
      for (const link of links) note(link, link.lastMs, 0);
    },
    flush,
  };
}

function sightingOf(
  { agentId, remoteAddress, evidence, kind = "control", component = "agent" }: ObservedLink,
  seen: { readonly atMs: number; readonly links: number; readonly code?: string },
): Sighting {
  const { atMs, links, code = "" } = seen;
  const name = printableText(component, HISTORY_LIMITS.componentCharacters);
  return {
    agentId,
    place: { kind, component: name, profile: profileOf(evidence), code },
    span: { firstMs: atMs, lastMs: atMs, days: 1, links, address: shownAddress(remoteAddress) },
  };
}

/** An identity counts only where its key was proven: what anybody may claim writes nothing under an agent's id. */
function provenAgentOf({ evidence, lapsed, provenId }: ObservedCaller): string | undefined {
  if (provenId !== undefined) return provenId;
  const peerId = evidence.clientProven ? evidence.peerId : (lapsed?.peerId ?? null);
  if (peerId === null) return undefined;
  const who = parseSpiffeId(peerId);
  return who.kind === "agent" ? who.agentId : undefined;
}

/** Flushes run one after the other, whoever asks for them. */
function createFlush(
  { spans, strangers, now }: HistoryRecorderDeps,
  waiting: WaitingSightings,
): HistoryRecorder["flush"] {
  let strangersMs = now();
  let last: Promise<void> = Promise.resolve();
  const run = async (much?: "strangers" | "everything"): Promise<void> => {
    const most = much === "everything" ? Number.POSITIVE_INFINITY : SLICES_A_FLUSH;
    for (let slice = 0; slice < most; slice += 1) {
      const taken = waiting.take(AGENTS_AT_ONCE);
      if (taken.length === 0) break;
      try {
        await spans.add(taken);
      } catch (error) {
        for (const one of taken) waiting.add(one);
        throw error;
      }
      await nextTurn();
    }
    const isDue = Math.abs(now() - strangersMs) >= STRANGERS_EVERY_MS;
    if (!isDue && much === undefined) return;
    await strangers.flush();
    strangersMs = now();
  };
  return (much) => {
    const turn = last.catch(() => undefined).then(() => run(much));
    last = turn;
    return turn;
  };
}
