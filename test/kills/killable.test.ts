import assert from "node:assert/strict";
import { test } from "node:test";
import { type KillPoint, type Outcome, strikeUntil } from "./killable.ts";

const named = (call: string, count: number): string[] => Array.from({ length: count }, () => call);
const wanted = { points: 10, seed: "tried" };

async function livesThrough(): Promise<Outcome> {
  return { calls: [] };
}

test("points are spread over all calls of a run, in its order, and the same for a seed", async () => {
  const calls = [...named("write", 50), ...named("fsync", 50)];
  const drawn = async (): Promise<KillPoint[]> => {
    const points: KillPoint[] = [];
    await strikeUntil({ ...wanted, calls }, async (point) => {
      points.push(point);
      return "struck";
    });
    return points;
  };
  const points = await drawn();
  assert.deepEqual(
    points.map(({ call }) => call),
    [...named("write", 5), ...named("fsync", 5)],
  );
  const places = points.map(({ call, ordinal }) => (call === "write" ? ordinal : 50 + ordinal));
  for (const [index, place] of places.entries()) {
    assert.ok(place > index * 10 && place <= index * 10 + 10, places.join());
  }
  assert.deepEqual(await drawn(), points);
});

test("where runs are shorter than the one that was counted, missed points are drawn again from the longest that missed", async () => {
  let [struck, missed] = [0, 0];
  await strikeUntil({ ...wanted, calls: named("write", 1_000) }, async ({ ordinal }, round) => {
    if (ordinal <= 100) {
      struck += 1;
      return "struck";
    }
    missed += 1;
    return { calls: named("write", round === 3 ? 100 : 0) };
  });
  assert.deepEqual([struck, missed], [10, 9]);
});

test("a process that lives through every point fails the test in the end", async () => {
  await assert.rejects(
    strikeUntil({ ...wanted, calls: named("write", 100) }, livesThrough),
    /only 0 of 20 points struck/,
  );
});
