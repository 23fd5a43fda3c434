import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "./error.ts";
import { FORWARD_FRAMES, type ForwardFrame } from "./forward-frame.ts";
import { type ForwardRole, type ForwardState, nextForwardState } from "./forward-rule.ts";

const FRAMES = Object.keys(FORWARD_FRAMES) as ForwardFrame[];

/**
 * For each state what is after each frame of the opener and of the accepter, in the order of the columns. "!" is an error.
 * i idle, o opening, = open, > the opener has ended, < the accepter has ended, x ended.
 */
const TABLE: Record<ForwardState, [opener: string, accepter: string]> = {
  //              open opened refused data end reset close alive
  idle: ["o ! ! ! ! x x i", "! ! ! ! ! x x i"],
  opening: ["! ! ! ! ! x ! o", "! = i ! ! x x o"],
  open: ["! ! ! = > x ! =", "! ! ! = < x ! ="],
  openerEnded: ["! ! ! ! ! x ! >", "! ! ! > i x ! >"],
  accepterEnded: ["! ! ! < i x ! <", "! ! ! ! ! x ! <"],
  ended: ["x x x x x x x x", "x x x x x x x x"],
};

const SIGNS: Record<string, ForwardState> = {
  i: "idle",
  o: "opening",
  "=": "open",
  ">": "openerEnded",
  "<": "accepterEnded",
  x: "ended",
};

for (const [state, rows] of Object.entries(TABLE) as [ForwardState, [string, string]][]) {
  for (const [by, row] of [
    ["opener", rows[0]],
    ["accepter", rows[1]],
  ] as [ForwardRole, string][]) {
    for (const [index, sign] of row.split(" ").entries()) {
      const frame = FRAMES[index] ?? "data";
      const next = SIGNS[sign];
      test(`${state}: '${frame}' of the ${by} ${next === undefined ? "is an error" : `leads to ${next}`}`, () => {
        if (next !== undefined) return assert.equal(nextForwardState(state, by, frame), next);
        assert.throws(
          () => nextForwardState(state, by, frame),
          (error) => isTautlineError(error) && error.code === "forward.malformed",
        );
      });
    }
  }
}

test("the columns of the table are all frames there are", () => {
  assert.deepEqual(FRAMES, ["open", "opened", "refused", "data", "end", "reset", "close", "alive"]);
  for (const row of Object.values(TABLE).flat()) assert.equal(row.split(" ").length, FRAMES.length);
});
