/** Milliseconds of a day; days are counted in UTC from 1970-01-01, whatever the host's zone. */
export const DAY_MS = 86_400_000;

/** A run of days on which the same was seen; two spans of one key share no day. */
export interface Span {
  /** First and last sighting, milliseconds since the epoch; their days are the span's ends. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Days on which it was seen, at least; as many as the run has unless runs with gaps between them were folded into one. */
  readonly days: number;
  /** Links opened, or attempts refused. */
  readonly links: number;
  /** Where the other end was at the last sighting. */
  readonly address: string;
}

/**
 * Gives the day of a time.
 *
 * @param ms milliseconds since the epoch
 * @returns whole days since 1970-01-01, UTC
 */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/**
 * Makes one span of two; the order of the two does not matter.
 *
 * @param one a span
 * @param other another of the same key
 */
export function mergeSpans(one: Span, other: Span): Span {
  return {
    firstMs: Math.min(one.firstMs, other.firstMs),
    lastMs: Math.max(one.lastMs, other.lastMs),
    days: daysOfBoth(one, other),
    links: one.links + other.links,
    address: laterOf(one, other).address,
  };
}

/** Days that both may have seen are counted once. */
function daysOfBoth(one: Span, other: Span): number {
  const [a, b] = [daysBetween(one), daysBetween(other)];
  const sum = one.days + other.days;
  const isApart = a.last < b.first || b.last < a.first;
  if (isApart) return sum;
  const isWithin =
    (a.first <= b.first && b.last <= a.last) || (b.first <= a.first && a.last <= b.last);
  if (isWithin) return Math.max(one.days, other.days);
  return Math.min(sum - 1, Math.max(a.last, b.last) - Math.min(a.first, b.first) + 1);
}

function daysBetween({ firstMs, lastMs }: Span): { readonly first: number; readonly last: number } {
  return { first: dayOf(firstMs), last: dayOf(lastMs) };
}

function laterOf(one: Span, other: Span): Span {
  if (one.lastMs !== other.lastMs) return one.lastMs > other.lastMs ? one : other;
  return one.address > other.address ? one : other;
}

/**
 * Adds what was seen to the spans of its key: neighbouring days become one span.
 *
 * @param spans of one key, oldest first, no two on the same or on neighbouring days unless folding kept them apart
 * @param seen what is added
 * @returns oldest first; whatever the order in which days are added, the same spans come of them
 */
export function addToSpans(spans: readonly Span[], seen: Span): readonly Span[] {
  const touches = (span: Span): boolean =>
    dayOf(span.firstMs) <= dayOf(seen.lastMs) + 1 && dayOf(seen.firstMs) <= dayOf(span.lastMs) + 1;
  const merged = spans.filter(touches).reduce(mergeSpans, seen);
  return [...spans.filter((span) => !touches(span)), merged].toSorted(byTime);
}

function byTime(one: Span, other: Span): number {
  return one.firstMs - other.firstMs;
}

/**
 * Takes the future out of spans: a clock that ran ahead may have written times that have not come yet (F8). What lies in the
 * future is taken for now.
 *
 * @param spans of one key
 * @param nowMs milliseconds since the epoch
 * @returns the same array when nothing lies in the future
 */
export function boundToNow(spans: readonly Span[], nowMs: number): readonly Span[] {
  if (spans.every(({ lastMs }) => lastMs <= nowMs)) return spans;
  let bounded: readonly Span[] = [];
  for (const span of spans) {
    const [firstMs, lastMs] = [Math.min(span.firstMs, nowMs), Math.min(span.lastMs, nowMs)];
    const days = Math.min(span.days, dayOf(lastMs) - dayOf(firstMs) + 1);
    bounded = addToSpans(bounded, { ...span, firstMs, lastMs, days });
  }
  return bounded;
}
