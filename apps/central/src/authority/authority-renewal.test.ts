import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nextIntermediateLife } from "./authority-renewal.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const ends = (ms: number): { validToDate: Date } => ({ validToDate: new Date(ms) });

describe("nextIntermediateLife", () => {
  const usual = { intermediateLifetime: 5 * YEAR_MS, leafLifetime: DAY_MS };
  const cases: {
    name: string;
    endMs: number;
    rootEndMs?: number;
    lives?: typeof usual;
    life: number | undefined;
  }[] = [
    { name: "fresh", endMs: 5 * YEAR_MS, life: undefined },
    { name: "a moment before a fifth is left", endMs: YEAR_MS + 1, life: undefined },
    { name: "a fifth is left", endMs: YEAR_MS, life: 5 * YEAR_MS },
    { name: "it has ended", endMs: -1, life: 5 * YEAR_MS },
    {
      name: "the root ends before the next would",
      endMs: YEAR_MS,
      rootEndMs: 3 * YEAR_MS,
      life: 3 * YEAR_MS,
    },
    { name: "the root ends with it", endMs: YEAR_MS, rootEndMs: YEAR_MS, life: undefined },
    {
      name: "leaves live long: two of their lives before the end",
      endMs: 60 * DAY_MS,
      lives: { intermediateLifetime: 200 * DAY_MS, leafLifetime: 30 * DAY_MS },
      life: 200 * DAY_MS,
    },
    {
      name: "leaves live as long as it does: not before half of its life",
      endMs: 13 * 3_600_000,
      lives: { intermediateLifetime: DAY_MS, leafLifetime: DAY_MS },
      life: undefined,
    },
  ];
  for (const { name, endMs, rootEndMs = 10 * YEAR_MS, lives = usual, life } of cases) {
    it(`${name}: ${life === undefined ? "none is due" : "the next is due"}`, () => {
      assert.equal(nextIntermediateLife(ends(endMs), ends(rootEndMs), 0, lives), life);
    });
  }
});
