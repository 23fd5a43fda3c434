import { dayOf, mergeSpans, type Span } from "./span.ts";

/** How finely the past is told: days of age up to which gaps are kept. */
export interface FoldRule {
  /** Up to this age every gap of a day is told. */
  readonly dailyDays: number;
  /** Up to this age only gaps of more than a week are. */
  readonly weeklyDays: number;
  /** Up to this age only gaps of more than a month are; what is older becomes one span. */
  readonly days: number;
}

const WEEK = 7;
const MONTH = 30;

/**
 * Tells up to how many days without a sighting two spans become one.
 *
 * @param ageDays age of the later span's first day; what lies in the future is left alone
 * @param rule how finely the past is told
 */
export function foldedGap(ageDays: number, rule: FoldRule): number {
  if (ageDays <= rule.dailyDays) return 0;
  if (ageDays <= rule.weeklyDays) return WEEK;
  if (ageDays <= rule.days) return MONTH;
  return Number.POSITIVE_INFINITY;
}

/**
 * Folds the spans of one key. Each gap is judged by itself and a gap once closed stays closed, so folding today and again next
 * month gives what folding next month alone gives; sums, the first and the last sighting never change, and nothing is deleted.
 *
 * @param spans oldest first
 * @param today day since 1970-01-01, UTC
 * @param rule how finely the past is told
 * @returns oldest first; as many as before when there was nothing to fold
 */
export function foldSpans(spans: readonly Span[], today: number, rule: FoldRule): readonly Span[] {
  const folded: Span[] = [];
  for (const span of spans) {
    const before = folded.at(-1);
    const gap = before === undefined ? 0 : dayOf(span.firstMs) - dayOf(before.lastMs) - 1;
    const isFolded = before !== undefined && gap <= foldedGap(today - dayOf(span.firstMs), rule);
    if (isFolded) folded[folded.length - 1] = mergeSpans(before, span);
    else folded.push(span);
  }
  return folded;
}
