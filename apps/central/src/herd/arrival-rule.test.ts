import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ArrivalDecision, type ArrivalState, judgeArrival } from "./arrival-rule.ts";

const EMPTY: ArrivalState = {
  rank: "stranger",
  underWay: 0,
  atOnce: 2,
  waiting: 0,
  mostWaiting: 3,
  lowestWaiting: undefined,
};
const BUSY = { underWay: 2 };
const FULL = { underWay: 2, waiting: 3 };

const rows: { name: string; state: Partial<ArrivalState>; decision: ArrivalDecision }[] = [
  { name: "nobody is there", state: {}, decision: "begin" },
  { name: "one place is left", state: { underWay: 1 }, decision: "begin" },
  { name: "every place is taken", state: BUSY, decision: "wait" },
  {
    name: "a place is free but somebody waits for it",
    state: { underWay: 1, waiting: 1, lowestWaiting: "suspect" },
    decision: "wait",
  },
  {
    name: "one may still wait",
    state: { ...BUSY, waiting: 2, lowestWaiting: "known" },
    decision: "wait",
  },
  {
    name: "the room is full of its like",
    state: { ...FULL, lowestWaiting: "stranger" },
    decision: "refuse",
  },
  {
    name: "the room is full of better",
    state: { ...FULL, lowestWaiting: "known" },
    decision: "refuse",
  },
  {
    name: "the room is full and a suspect in it",
    state: { ...FULL, lowestWaiting: "suspect" },
    decision: "displace",
  },
  {
    name: "it is known and a stranger waits",
    state: { ...FULL, rank: "known", lowestWaiting: "stranger" },
    decision: "displace",
  },
  {
    name: "it is suspect and only suspects wait",
    state: { ...FULL, rank: "suspect", lowestWaiting: "suspect" },
    decision: "refuse",
  },
  { name: "nobody may wait and a place is free", state: { mostWaiting: 0 }, decision: "begin" },
  {
    name: "nobody may wait and none is free",
    state: { ...BUSY, mostWaiting: 0 },
    decision: "refuse",
  },
];

describe("judgeArrival", () => {
  for (const { name, state, decision } of rows) {
    it(`says ${decision} where ${name}`, () => {
      assert.equal(judgeArrival({ ...EMPTY, ...state }), decision);
    });
  }
});
