import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFakeClock } from "@tautline/testing";
import { createLogAllowance } from "./log-allowance.ts";

describe("createLogAllowance", () => {
  it("grants its lines a minute, and then tells how many it refused", () => {
    const { now, advance } = createFakeClock();
    const allowance = createLogAllowance(3, now);
    const take = (count: number): (number | undefined)[] =>
      Array.from({ length: count }, () => allowance.take());
    assert.deepEqual(take(5), [0, 0, 0, undefined, undefined]);
    advance(60_000);
    assert.deepEqual(take(4), [2, 0, 0, undefined]);
    advance(600_000);
    assert.deepEqual(take(1), [1]);
  });

  it("grants again when the clock was set back", () => {
    const { now, advance } = createFakeClock();
    const allowance = createLogAllowance(1, now);
    allowance.take();
    advance(-3_600_000);
    assert.equal(allowance.take(), 0);
  });
});
