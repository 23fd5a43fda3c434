import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createPace } from "./pace.ts";

describe("createPace", () => {
  it("comes to what is measured while somebody waits, and keeps it when nobody does", () => {
    let ms = 0;
    const pace = createPace(200, () => ms);
    assert.equal(Math.round(pace.perSecond), 200);
    for (let turn = 0; turn < 200; turn += 1) {
      ms += 20;
      pace.served(true);
    }
    assert.equal(Math.round(pace.perSecond), 50);
    ms += 20;
    pace.served(false);
    ms += 3_600_000;
    pace.served(true);
    assert.equal(Math.round(pace.perSecond), 50);
  });

  it("sends the last of a crowd away for the longest, and forgets them as they come due", () => {
    let ms = 0;
    const pace = createPace(100, () => ms);
    assert.deepEqual([pace.sendAway(), pace.sendAway(), pace.sendAway()], [0, 1, 2]);
    ms += 20;
    assert.equal(pace.sendAway(), 1);
    ms += 3_600_000;
    assert.equal(pace.sendAway(), 0);
  });

  it("stays within bounds, also where the clock is set back", () => {
    let ms = 1_000;
    const pace = createPace(100, () => ms);
    pace.served(true);
    ms = 0;
    pace.served(true);
    assert.equal(Math.round(pace.perSecond), 100);
    for (let turn = 0; turn < 1_000; turn += 1) pace.served(true);
    assert.equal(pace.perSecond, 10_000);
    for (let turn = 0; turn < 1_000; turn += 1) {
      ms += 60_000;
      pace.served(true);
    }
    assert.equal(pace.perSecond, 1);
    pace.sendAway();
    ms -= 1_000_000;
    assert.equal(pace.sendAway(), 1);
  });
});
