import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { type Rank, RANKS } from "./arrival-rule.ts";
import { createWaitingRoom, type WaitingRoom, type WaitingRoomOptions } from "./waiting-room.ts";

interface TestRoom {
  readonly room: WaitingRoom;
  /** What happened to whom, in order. */
  readonly told: string[];
  readonly waiting: number[];
  readonly enter: (name: string, rank?: Rank) => () => void;
}

function openRoom(bounds: Partial<WaitingRoomOptions> = {}): TestRoom {
  const told: string[] = [];
  const waiting: number[] = [];
  const room = createWaitingRoom({
    atOnce: 1,
    mostWaiting: 2,
    expectedPerSecond: 1,
    now: () => 0,
    random: () => 0.5,
    onBegun: () => {},
    onRefused: () => {},
    onWaiting: (count) => void waiting.push(count),
    ...bounds,
  });
  return {
    room,
    told,
    waiting,
    enter: (name, rank = "stranger") =>
      room.enter({
        rank,
        begin: () => void told.push(`${name} begins`),
        refuse: (ms) => void told.push(`${name} refused ${ms}`),
      }),
  };
}

describe("createWaitingRoom", () => {
  it("lets visitors begin in turn, as those before them leave", () => {
    const { enter, told } = openRoom();
    const leaves = ["a", "b", "c"].map((name) => enter(name));
    assert.deepEqual(told, ["a begins"]);
    leaves[0]?.();
    assert.deepEqual(told, ["a begins", "b begins"]);
    leaves[1]?.();
    leaves[2]?.();
    assert.deepEqual(told, ["a begins", "b begins", "c begins"]);
  });

  it("refuses one more than may wait, each for longer than the one before", () => {
    const { enter, told } = openRoom();
    for (const name of ["a", "b", "c", "d", "e"]) enter(name);
    assert.deepEqual(told, ["a begins", "d refused 2000", "e refused 3000"]);
  });

  it("lets known ones go before strangers, and strangers before suspects", () => {
    const { enter, told } = openRoom({ mostWaiting: 10 });
    const first = enter("first");
    const names = [enter("s1", "suspect"), enter("x1"), enter("k1", "known"), enter("x2")];
    first();
    for (const at of [2, 1, 3, 0]) names[at]?.();
    assert.deepEqual(
      told.map((text) => text.split(" ")[0]),
      ["first", "k1", "x1", "x2", "s1"],
    );
  });

  it("gives the place of the newest stranger to a known one where the room is full", () => {
    const { enter, told, room } = openRoom();
    for (const name of ["a", "b", "c"]) enter(name);
    enter("k", "known");
    assert.deepEqual(told, ["a begins", "c refused 1000"]);
    assert.equal(room.waiting, 2);
  });

  it("forgets who went while waiting, and counts nobody's leaving twice", () => {
    const { enter, told, room } = openRoom();
    const a = enter("a");
    const b = enter("b");
    enter("c");
    b();
    b();
    assert.equal(room.waiting, 1);
    a();
    a();
    assert.deepEqual(told, ["a begins", "c begins"]);
    enter("d");
    assert.equal(room.waiting, 1);
  });

  it("tells whether there is room for a rank without taking it", () => {
    const { enter, room } = openRoom();
    for (const name of ["a", "b", "c"]) enter(name);
    assert.equal(room.refusalMs("known"), undefined);
    assert.equal(room.refusalMs("stranger"), 2_000);
  });

  it("tells how many wait, and how long whoever begins has waited", () => {
    let ms = 0;
    const waits: number[] = [];
    const onBegun = (waited: number): void => void waits.push(waited);
    const { enter, waiting } = openRoom({ now: () => ms, onBegun });
    const a = enter("a");
    enter("b");
    ms = 70;
    a();
    assert.deepEqual(
      [waits, waiting],
      [
        [0, 70],
        [1, 0],
      ],
    );
  });

  it("never has more under way or waiting than it may, and forgets nobody", () => {
    const step = fc.oneof(
      fc.record({ come: fc.constantFrom(...RANKS) }),
      fc.record({ go: fc.nat(50) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const bounds = { atOnce: 3, mostWaiting: 4 };
        const underWay = new Set<number>();
        const refused = new Set<number>();
        const gone = new Set<number>();
        const leaves: (() => void)[] = [];
        const { room } = openRoom(bounds);
        for (const one of steps) {
          if ("come" in one) {
            const id = leaves.length;
            const begin = (): void => void underWay.add(id);
            const refuse = (): void => void refused.add(id);
            leaves.push(room.enter({ rank: one.come, begin, refuse }));
          } else if (one.go < leaves.length) {
            gone.add(one.go);
            underWay.delete(one.go);
            leaves[one.go]?.();
          }
          assert.ok(underWay.size <= bounds.atOnce && room.waiting <= bounds.mostWaiting);
          const accounted = new Set([...underWay, ...refused, ...gone]);
          assert.equal(leaves.length - accounted.size, room.waiting);
        }
      }),
    );
  });
});
