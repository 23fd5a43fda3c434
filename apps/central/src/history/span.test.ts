import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addToSpans, boundToNow, DAY_MS, dayOf, mergeSpans, type Span } from "./span.ts";

const HOUR_MS = 3_600_000;
const DAY_0 = Date.UTC(2026, 0, 1);

/** From one day and hour to another. */
const span = (from: number, to: number, rest: Partial<Span> = {}): Span => ({
  firstMs: DAY_0 + from * DAY_MS + HOUR_MS,
  lastMs: DAY_0 + to * DAY_MS + 2 * HOUR_MS,
  days: to - from + 1,
  links: 1,
  address: "192.0.2.1",
  ...rest,
});

const moment = (ms: number): Span => span(0, 0, { firstMs: ms, lastMs: ms });

describe("dayOf", () => {
  it("F8: a day ends at midnight UTC, whatever the host's zone", () => {
    const midnight = Date.UTC(2026, 5, 15);
    assert.equal(dayOf(midnight) - dayOf(midnight - 1), 1);
    assert.equal(dayOf(midnight), dayOf(midnight + DAY_MS - 1));
    assert.equal(dayOf(0), 0);
  });
});

describe("mergeSpans", () => {
  const rows: { name: string; one: Span; other: Span; days: number }[] = [
    { name: "apart", one: span(0, 1), other: span(5, 6), days: 4 },
    { name: "neighbouring", one: span(0, 1), other: span(2, 2), days: 3 },
    { name: "on the same day", one: span(3, 3), other: span(3, 3), days: 1 },
    { name: "one within the other", one: span(0, 9), other: span(4, 4), days: 10 },
    { name: "sharing an end", one: span(0, 3), other: span(3, 5), days: 6 },
    { name: "overlapping", one: span(0, 4), other: span(2, 7), days: 8 },
    {
      name: "within one that has gaps",
      one: span(0, 9, { days: 5 }),
      other: span(4, 4),
      days: 5,
    },
  ];
  for (const { name, one, other, days } of rows) {
    it(`counts the days of spans ${name}, and adds the links`, () => {
      const merged = mergeSpans(one, { ...other, links: 4 });
      assert.equal(merged.days, days);
      assert.equal(merged.links, 5);
      assert.equal(merged.firstMs, Math.min(one.firstMs, other.firstMs));
      assert.equal(merged.lastMs, Math.max(one.lastMs, other.lastMs));
    });
  }

  it("keeps the address of the later sighting, in either order", () => {
    const early = span(0, 0, { address: "early" });
    const late = span(1, 1, { address: "late" });
    assert.equal(mergeSpans(early, late).address, "late");
    assert.equal(mergeSpans(late, early).address, "late");
    const twin = span(1, 1, { address: "a" });
    assert.equal(mergeSpans(twin, late).address, mergeSpans(late, twin).address);
  });
});

describe("addToSpans", () => {
  it("joins a day to the run before, to the run after, and both runs over the day between them", () => {
    assert.deepEqual(addToSpans([span(0, 1)], span(2, 2)), [span(0, 2, { links: 2 })]);
    assert.deepEqual(addToSpans([span(3, 4)], span(2, 2)), [span(2, 4, { links: 2 })]);
    assert.deepEqual(addToSpans([span(0, 1), span(3, 4)], span(2, 2)), [span(0, 4, { links: 3 })]);
  });

  it("begins a new run after a day without", () => {
    assert.deepEqual(addToSpans([span(2, 3)], span(5, 5)), [span(2, 3), span(5, 5)]);
    assert.deepEqual(addToSpans([span(2, 3)], span(0, 0)), [span(0, 0), span(2, 3)]);
  });

  it("a steady agent is one span, however long", () => {
    let spans: readonly Span[] = [];
    for (let day = 0; day < 400; day += 1) spans = addToSpans(spans, span(day, day));
    assert.deepEqual(spans, [span(0, 399, { links: 400 })]);
  });

  it("the last moment of a day and the first of the next are two days", () => {
    const midnight = DAY_0 + DAY_MS;
    const [one, ...others] = addToSpans([moment(midnight - 1)], moment(midnight));
    assert.deepEqual([one?.days, one?.links, others], [2, 2, []]);
  });
});

describe("boundToNow", () => {
  it("leaves alone what lies in the past", () => {
    const spans = [span(0, 1)];
    assert.equal(boundToNow(spans, DAY_0 + 10 * DAY_MS), spans);
  });

  it("F8: what a clock that ran ahead wrote is taken for now, and no count is lost", () => {
    const nowMs = DAY_0 + 2 * DAY_MS + 5 * HOUR_MS;
    const spans = [span(0, 1), span(30, 40, { links: 7 }), span(50, 50)];
    assert.deepEqual(boundToNow(spans, nowMs), [
      { firstMs: span(0, 0).firstMs, lastMs: nowMs, days: 3, links: 9, address: "192.0.2.1" },
    ]);
  });

  it("F8: a span that reaches into the future is cut, and its days with it", () => {
    const nowMs = DAY_0 + 2 * DAY_MS;
    assert.deepEqual(boundToNow([span(1, 40)], nowMs), [span(1, 1, { lastMs: nowMs, days: 2 })]);
  });
});
