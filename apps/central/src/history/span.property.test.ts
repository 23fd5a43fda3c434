import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { type FoldRule, foldSpans } from "./fold-rule.ts";
import { addToSpans, boundToNow, DAY_MS, dayOf, mergeSpans, type Span } from "./span.ts";

const LAST_DAY = 200;

/** One sighting of a moment, as the recorder makes them. */
const sighting = fc
  .record({
    atMs: fc.nat({ max: LAST_DAY * DAY_MS - 1 }),
    links: fc.nat({ max: 5 }),
    address: fc.constantFrom("a", "b", "c"),
  })
  .map(({ atMs, links, address }): Span => ({
    firstMs: atMs,
    lastMs: atMs,
    days: 1,
    links,
    address,
  }));
const sightings = fc.array(sighting, { maxLength: 60 });
const rules = fc
  .tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 }), fc.nat({ max: 60 }))
  .map(([a, b, c]): FoldRule => ({ dailyDays: a, weeklyDays: a + b, days: a + b + c }));

const collect = (seen: readonly Span[]): readonly Span[] => seen.reduce(addToSpans, []);

const linksOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, { links }) => sum + links, 0);

const totals = (spans: readonly Span[]): unknown => ({
  links: linksOf(spans),
  days: spans.reduce((sum, { days }) => sum + days, 0),
  first: Math.min(...spans.map(({ firstMs }) => firstMs)),
  last: Math.max(...spans.map(({ lastMs }) => lastMs)),
});

it("any order of the same sightings gives the same spans", () => {
  fc.assert(
    fc.property(sightings, fc.infiniteStream(fc.nat()), (seen, numbers) => {
      const shuffled = seen
        .map((one) => ({ one, at: numbers.next().value }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ one }) => one);
      assert.deepEqual(collect(shuffled), collect(seen));
    }),
  );
});

it("spans tell the true sums: every link, every distinct day, the first and the last sighting", () => {
  fc.assert(
    fc.property(sightings, (seen) => {
      const distinct = new Set(seen.map(({ firstMs }) => dayOf(firstMs)));
      assert.deepEqual(totals(collect(seen)), {
        ...(totals(seen) as object),
        days: distinct.size,
      });
    }),
  );
});

it("spans are in order and no two share or neighbour a day", () => {
  fc.assert(
    fc.property(sightings, (seen) => {
      const spans = collect(seen);
      for (const [at, span] of spans.entries()) {
        assert.equal(span.days, dayOf(span.lastMs) - dayOf(span.firstMs) + 1);
        const next = spans[at + 1];
        if (next !== undefined) assert.ok(dayOf(next.firstMs) > dayOf(span.lastMs) + 1);
      }
    }),
  );
});

it("merging spans one after the other is associative, and merging any two is commutative", () => {
  fc.assert(
    fc.property(sightings, (seen) => {
      const [a, b, c] = collect(seen);
      if (a === undefined || b === undefined) return;
      assert.deepEqual(mergeSpans(a, b), mergeSpans(b, a));
      if (c === undefined) return;
      assert.deepEqual(mergeSpans(mergeSpans(a, b), c), mergeSpans(a, mergeSpans(b, c)));
    }),
  );
});

it("folding never changes sums, first or last, and never makes more of less", () => {
  fc.assert(
    fc.property(sightings, rules, fc.nat({ max: 400 }), (seen, rule, today) => {
      const spans = collect(seen);
      const folded = foldSpans(spans, today, rule);
      assert.deepEqual(totals(folded), totals(spans));
      assert.ok(folded.length <= spans.length);
      assert.deepEqual(foldSpans(folded, today, rule), folded);
    }),
  );
});

it("folding every day gives what folding once at the end gives", () => {
  fc.assert(
    fc.property(sightings, rules, fc.nat({ max: 100 }), (seen, rule, age) => {
      const spans = collect(seen);
      let daily = spans;
      for (let today = LAST_DAY; today <= LAST_DAY + age; today += 1) {
        daily = foldSpans(daily, today, rule);
      }
      assert.deepEqual(daily, foldSpans(spans, LAST_DAY + age, rule));
    }),
    { numRuns: 50 },
  );
});

it("a place has few spans whatever was seen: daily ones, weekly ones, monthly ones, and one for all before", () => {
  fc.assert(
    fc.property(sightings, rules, (seen, rule) => {
      const { dailyDays, weeklyDays, days } = rule;
      const most =
        Math.ceil((dailyDays + 1) / 2) +
        Math.ceil((weeklyDays - dailyDays) / 9) +
        1 +
        Math.ceil((days - weeklyDays) / 32) +
        1 +
        1;
      assert.ok(foldSpans(collect(seen), LAST_DAY, rule).length <= most);
    }),
  );
});

it("F8: nothing is later than now, and no link is lost, wherever the clock was", () => {
  fc.assert(
    fc.property(sightings, fc.nat({ max: LAST_DAY * DAY_MS }), (seen, nowMs) => {
      const spans = collect(seen);
      const bounded = boundToNow(spans, nowMs);
      assert.equal(linksOf(bounded), linksOf(spans));
      for (const { firstMs, lastMs, days } of bounded) {
        assert.ok(firstMs <= lastMs && lastMs <= nowMs);
        assert.ok(days >= 1 && days <= dayOf(lastMs) - dayOf(firstMs) + 1);
      }
    }),
  );
});
