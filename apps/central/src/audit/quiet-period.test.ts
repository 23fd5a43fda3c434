import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFakeClock } from "@tautline/testing";
import { createQuietPeriod } from "./quiet-period.ts";

describe("createQuietPeriod", () => {
  it("calls the same news again only after the period, counted from when it was news", () => {
    const { now, advance } = createFakeClock();
    const quiet = createQuietPeriod({ quietMs: 60_000, maxKeys: 10, now });
    assert.equal(quiet.isNews("a"), true);
    advance(30_000);
    assert.equal(quiet.isNews("a"), false);
    assert.equal(quiet.isNews("b"), true);
    advance(29_999);
    assert.equal(quiet.isNews("a"), false);
    advance(1);
    assert.equal(quiet.isNews("a"), true);
    assert.equal(quiet.isNews("b"), false);
  });

  it("remembers no more than it may: the oldest is forgotten and becomes news again", () => {
    const { now } = createFakeClock();
    const quiet = createQuietPeriod({ quietMs: 60_000, maxKeys: 3, now });
    for (const key of ["a", "b", "c"]) assert.equal(quiet.isNews(key), true);
    for (const key of ["a", "b", "c"]) assert.equal(quiet.isNews(key), false);
    assert.equal(quiet.isNews("d"), true);
    assert.deepEqual(
      ["b", "c", "d", "a"].map((key) => quiet.isNews(key)),
      [false, false, false, true],
    );
  });

  it("goes on working when the clock was set back", () => {
    const { now, advance } = createFakeClock();
    const quiet = createQuietPeriod({ quietMs: 60_000, maxKeys: 3, now });
    quiet.isNews("a");
    advance(-3_600_000);
    assert.equal(quiet.isNews("a"), true);
  });
});
