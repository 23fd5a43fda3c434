import {
  CAPABILITY_EDGE,
  type CustomMessage,
  customMessage,
  type EdgeReport,
  encodeEdgeReport,
} from "@tautline/protocol";
import type { EdgeService } from "./edge-service.ts";
import type { EdgeStatus } from "./edge-status.ts";
import { type EdgeTotals, NEW_STORE } from "./store/store-state.ts";

/** Nothing is told more often than this. */
const QUIET_MS = 60_000;
/** Counts that merely rise are told so often: central keeps them, which costs its disk a write. */
const COUNTS_MS = 600_000;

/** Says what central is to be told of an edge, and when. */
export interface EdgeReporter {
  /** A message to central has room: what goes with it, if anything is to be told now. */
  next(): CustomMessage | undefined;
  /** A link has begun: whoever is there is told all of it once. */
  beginLink(): void;
}

/**
 * Makes the reporter of an edge. What it tells was counted on the disk before, so that no later report says less.
 *
 * @param edge whose status is told
 * @param elapsed milliseconds that never go back
 */
export function createEdgeReporter(
  edge: Pick<EdgeService, "status" | "totals" | "keepTotals">,
  elapsed: () => number,
): EdgeReporter {
  let told: { readonly news: string; readonly all: string; readonly atMs: number } | undefined;
  return {
    beginLink: () => {
      told = undefined;
    },
    next: () => {
      const sinceMs = told === undefined ? Number.POSITIVE_INFINITY : elapsed() - told.atMs;
      if (sinceMs < QUIET_MS) return undefined;
      const report = edgeReportOf(edge.status, edge.totals);
      const [news, all] = [JSON.stringify(newsIn(report)), JSON.stringify(report)];
      const isNews = news !== told?.news;
      if (!isNews && (sinceMs < COUNTS_MS || all === told?.all)) return undefined;
      edge.keepTotals();
      told = { news, all, atMs: elapsed() };
      return customMessage(CAPABILITY_EDGE, "report", encodeEdgeReport(report));
    },
  };
}

/**
 * Makes the report of an edge from its status.
 *
 * @param status what it is now
 * @param totals what it came to in all its runs; undefined while its store is not open
 */
export function edgeReportOf(
  status: EdgeStatus,
  totals: EdgeTotals = NEW_STORE.totals,
): EdgeReport {
  const { listening, store, onward, trouble, files } = status;
  const losses = new Map<string, number>();
  for (const { reason, calls } of store.losses) {
    losses.set(reason, (losses.get(reason) ?? 0) + calls);
  }
  return {
    listening,
    ...totals,
    waitingCalls: store.calls,
    waitingBytes: store.bytes,
    losses: [...losses].map(([reason, calls]) => ({ reason, calls })),
    places: onward.map(({ name, state, code }) => ({ name, state, code: code ?? "" })),
    trouble: trouble?.code ?? files?.problem?.code ?? "",
    troubleAtMs: trouble === null ? 0 : Date.parse(trouble.at),
  };
}

/** What an operator would want to know soon; that a place is dialled, or left alone for want of calls, is not that. */
function newsIn({ listening, losses, places, trouble }: EdgeReport): unknown {
  return {
    listening,
    losses,
    trouble,
    out: places.map(({ state, code }) => state === "out" && code),
  };
}
