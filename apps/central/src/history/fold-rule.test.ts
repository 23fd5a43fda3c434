import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { foldedGap, foldSpans } from "./fold-rule.ts";
import { DAY_MS, type Span } from "./span.ts";

const RULE = { dailyDays: 14, weeklyDays: 45, days: 90 };
const TODAY = 1_000;

/** A run of days, told by their age. */
const aged = (fromAge: number, toAge: number = fromAge): Span => ({
  firstMs: (TODAY - fromAge) * DAY_MS,
  lastMs: (TODAY - toAge) * DAY_MS + 1,
  days: fromAge - toAge + 1,
  links: 1,
  address: "192.0.2.1",
});

describe("foldedGap", () => {
  const rows: { age: number; gap: number }[] = [
    { age: -5, gap: 0 },
    { age: 0, gap: 0 },
    { age: 14, gap: 0 },
    { age: 15, gap: 7 },
    { age: 45, gap: 7 },
    { age: 46, gap: 30 },
    { age: 90, gap: 30 },
    { age: 91, gap: Number.POSITIVE_INFINITY },
  ];
  for (const { age, gap } of rows) {
    it(`closes gaps of up to ${gap} days at the age of ${age} days`, () => {
      assert.equal(foldedGap(age, RULE), gap);
    });
  }
});

describe("foldSpans", () => {
  const rows: { name: string; spans: readonly Span[]; left: number }[] = [
    { name: "nothing", spans: [], left: 0 },
    { name: "one span, however old", spans: [aged(500)], left: 1 },
    {
      name: "every other day of the last two weeks",
      spans: [aged(13), aged(11), aged(9)],
      left: 3,
    },
    { name: "a week's gap a month ago", spans: [aged(38), aged(30)], left: 1 },
    { name: "more than a week's gap a month ago", spans: [aged(39), aged(30)], left: 2 },
    { name: "a month's gap, older", spans: [aged(91), aged(60)], left: 1 },
    { name: "more than a month's gap, older", spans: [aged(92), aged(60)], left: 2 },
    { name: "any gap beyond what is told", spans: [aged(900), aged(91)], left: 1 },
    { name: "the gap between what is told and what is not", spans: [aged(900), aged(90)], left: 2 },
  ];
  for (const { name, spans, left } of rows) {
    it(`leaves ${left} of ${name}`, () => {
      assert.equal(foldSpans(spans, TODAY, RULE).length, left);
    });
  }

  it("a folded span knows on how many days it was seen", () => {
    const spans = [40, 38, 36, 34].map((age) => aged(age));
    const [folded] = foldSpans(spans, TODAY, RULE);
    assert.deepEqual([folded?.days, folded?.links], [4, 4]);
  });

  it("F8: leaves alone what lies in the future", () => {
    const spans = [aged(-10), aged(-20)];
    assert.deepEqual(foldSpans(spans, TODAY, RULE), spans);
  });
});
