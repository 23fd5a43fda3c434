import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CrlMoment, type KnownCrl, planCrl } from "./crl-rule.ts";

const NOW_MS = Date.UTC(2026, 0, 1) + 501;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const known: KnownCrl = {
  number: 7,
  thisUpdate: NOW_MS - HOUR_MS,
  nextUpdate: NOW_MS + 23 * HOUR_MS,
  covers: "2 100",
};
const moment: CrlMoment = { nowMs: NOW_MS, lifetimeMs: DAY_MS, covers: "2 100" };

describe("planCrl", () => {
  const cases: { name: string; known?: KnownCrl; change?: Partial<CrlMoment>; isDue: boolean }[] = [
    { name: "there is no list", isDue: true },
    { name: "nothing has changed", known, isDue: false },
    { name: "another was revoked", known, change: { covers: "3 200" }, isDue: true },
    { name: "the last record was deleted", known, change: { covers: "" }, isDue: true },
    {
      name: "a moment before half of its life",
      known: { ...known, nextUpdate: NOW_MS + DAY_MS / 2 + 1 },
      isDue: false,
    },
    {
      name: "half of its life is over",
      known: { ...known, nextUpdate: NOW_MS + DAY_MS / 2 },
      isDue: true,
    },
    { name: "it has ended", known: { ...known, nextUpdate: NOW_MS - 1 }, isDue: true },
    { name: "the setting was shortened", known, change: { lifetimeMs: HOUR_MS }, isDue: true },
    {
      name: "the clock was turned back by days",
      known,
      change: { nowMs: NOW_MS - 9 * DAY_MS },
      isDue: true,
    },
  ];
  for (const { name, known: before, change, isDue } of cases) {
    it(`${isDue ? "makes" : "does not make"} another list where ${name}`, () => {
      assert.equal(planCrl(before, { ...moment, ...change }) !== undefined, isDue);
    });
  }

  it("frames a list in whole seconds, a little back and a life ahead", () => {
    const seconds = Math.floor(NOW_MS / 1_000);
    assert.deepEqual(planCrl(undefined, moment), {
      number: seconds,
      thisUpdate: (seconds - 300) * 1_000,
      nextUpdate: (seconds + 1) * 1_000 + DAY_MS,
      endedBeforeMs: 0,
    });
  });

  it("A18: numbers rise, in one second, with a clock that was turned back, and after a restore from a backup", () => {
    const inOneSecond = planCrl(
      { ...known, number: Math.floor(NOW_MS / 1_000) },
      { ...moment, covers: "" },
    );
    assert.equal(inOneSecond?.number, Math.floor(NOW_MS / 1_000) + 1);
    const turnedBack = planCrl({ ...known, number: 9_999_999_999 }, { ...moment, covers: "" });
    assert.equal(turnedBack?.number, 10_000_000_000);
    // The backup knows of number 7 alone; what was given out since then were seconds.
    assert.ok((planCrl(known, { ...moment, covers: "" })?.number ?? 0) > NOW_MS / 1_000 - 1);
  });

  it("keeps an entry until a list after its certificate's end has named it (RFC 5280 section 3.3)", () => {
    const next = planCrl(known, { ...moment, covers: "3 200" });
    assert.equal(next?.endedBeforeMs, known.thisUpdate);
  });
});
