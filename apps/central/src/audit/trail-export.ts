import { Readable } from "node:stream";
import { formatTrailLine, TautlineError, type TrailEnd } from "@tautline/protocol";
import { GENESIS } from "@tautline/vault";
import type { Store } from "../store/store.ts";
import { readTrail, TRAIL_BEGINNING, type TrailPlace } from "./trail-reader.ts";
import { trailHead, type TrailOwner } from "./trail-verdict.ts";

/** Which part of the trail to export. */
export interface ExportOrder {
  /** Entries written at or after this time; milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** To go on behind this entry, and this checkpoint. */
  readonly after?: TrailPlace | undefined;
  /** Wait for what is written next. */
  readonly isFollowed: boolean;
}

/** Exports the trail as JSON lines. */
export interface TrailExporter {
  /**
   * Begins an export. It is read from the database as fast as its reader takes it, and no faster.
   *
   * @throws audit.too_many_exports
   */
  open(order: ExportOrder): Promise<Readable>;
  /** Ends those that follow, as if their time were over. */
  stop(): void;
}

/** What exporting needs. */
export interface TrailExporterDeps extends TrailOwner {
  readonly store: Store;
  /** Told of new entries and checkpoints; returns what ends that. */
  readonly watch: (onNews: () => void) => () => void;
  /** How long one answer follows, in milliseconds: then its reader asks again, and is judged again. */
  readonly followMs: number;
}

/** Exports under way at once; each holds a page of the trail in memory. */
export const MAX_EXPORTS = 16;

/**
 * Makes the exporter of a trail.
 *
 * @param deps store, whose trail it is, and who tells of news
 */
export function createTrailExporter(deps: TrailExporterDeps): TrailExporter {
  const stopping = new AbortController();
  let underWay = 0;
  return {
    open: async (order) => {
      if (underWay >= MAX_EXPORTS) {
        throw new TautlineError("audit.too_many_exports", { detail: { limit: MAX_EXPORTS } });
      }
      underWay += 1;
      const gone = new AbortController();
      const signal = AbortSignal.any([gone.signal, stopping.signal]);
      const lines = Readable.from(exportLines(deps, order, signal), { highWaterMark: 1 });
      lines.once("close", () => {
        underWay -= 1;
        gone.abort();
      });
      return lines;
    },
    stop: () => stopping.abort(),
  };
}

/** Each part is some whole lines. */
async function* exportLines(
  deps: TrailExporterDeps,
  order: ExportOrder,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(deps.followMs)]);
  const before = await findStart(deps.store, order);
  let end: { readonly seq: number; readonly hash: string } = before;
  // From the beginning means also an entry that somebody put before the first.
  let place: TrailPlace = before.seq === 0 ? TRAIL_BEGINNING : before;
  yield linesOf([trailHead(deps, before)]);
  for (;;) {
    const news = createNews(deps.watch, until);
    try {
      const pages = readTrail(deps.store, place);
      let page = await pages.next();
      while (page.done !== true) {
        const last = page.value.findLast((line) => line.type === "entry");
        end = last ?? end;
        if (page.value.length > 0) yield linesOf(page.value);
        page = await pages.next();
      }
      place = page.value;
      if (!order.isFollowed || until.aborted) break;
      await news.come;
    } finally {
      news.forget();
    }
  }
  yield linesOf([endLine(order.isFollowed ? "more" : "end", end)]);
}

function linesOf(lines: readonly Parameters<typeof formatTrailLine>[0][]): string {
  return `${lines.map(formatTrailLine).join("\n")}\n`;
}

function endLine(
  type: TrailEnd["type"],
  { seq, hash }: { readonly seq: number; readonly hash: string },
): TrailEnd {
  return { type, seq, hash };
}

/** Listens before it is read, so that nothing is missed between the two. */
function createNews(watch: TrailExporterDeps["watch"], until: AbortSignal) {
  const { promise: come, resolve } = Promise.withResolvers<void>();
  const end = watch(resolve);
  const stop = (): void => resolve();
  until.addEventListener("abort", stop, { once: true });
  if (until.aborted) resolve();
  return {
    come,
    forget: () => {
      end();
      until.removeEventListener("abort", stop);
    },
  };
}

interface Start extends TrailPlace {
  readonly hash: string;
}

/** The entry before the first one exported. */
async function findStart(store: Store, { after, sinceMs }: ExportOrder): Promise<Start> {
  const seq = after?.seq ?? (sinceMs === undefined ? 0 : await lastBefore(store, sinceMs));
  const entry = seq <= 0 ? undefined : await entryAt(store, seq);
  if (entry === undefined) return { seq: 0, hash: GENESIS, checkpoint: 0 };
  const checkpoint = after?.checkpoint ?? (await lastCheckpointTo(store, seq));
  return { seq: entry.seq, hash: entry.hash, checkpoint };
}

/** Halves its way to the time: entries stand in the order in which they were written. */
async function lastBefore(store: Store, sinceMs: number): Promise<number> {
  let low = 0;
  let high = await store.read(async (db) => {
    const row = await db
      .selectFrom("audit")
      .select((each) => each.fn.max("seq").as("seq"))
      .executeTakeFirst();
    return row?.seq ?? 0;
  });
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const entry = await entryAt(store, middle);
    if (entry !== undefined && timeOf(entry.body) < sinceMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

function entryAt(store: Store, seq: number) {
  return store.read((db) =>
    db.selectFrom("audit").selectAll().where("seq", "=", seq).executeTakeFirst(),
  );
}

async function lastCheckpointTo(store: Store, seq: number): Promise<number> {
  const row = await store.read((db) =>
    db
      .selectFrom("audit_checkpoints")
      .select((each) => each.fn.max("number").as("number"))
      .where("seq", "<=", seq)
      .executeTakeFirst(),
  );
  return row?.number ?? 0;
}

/** An entry that cannot be read counts as new: it is exported rather than passed over. */
function timeOf(body: string): number {
  const [, at = ""] = /^\{"seq":\d+,"at":"([^"]+)"/.exec(body) ?? [];
  return Date.parse(at);
}
