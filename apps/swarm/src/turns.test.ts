import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createTurns } from "./turns.ts";

test("never more at once than there are turns, everybody comes, and in the order in which they came", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 30 }),
      async (atOnce, many) => {
        const turns = createTurns(atOnce);
        let [inside, most] = [0, 0];
        const began: number[] = [];
        const work = async (_: unknown, index: number): Promise<void> => {
          await turns.take();
          began.push(index);
          inside += 1;
          most = Math.max(most, inside);
          await Promise.resolve();
          inside -= 1;
          turns.give();
        };
        await Promise.all(Array.from({ length: many }, work));
        assert.ok(most <= atOnce);
        assert.deepEqual(began, [...Array.from({ length: many }).keys()]);
      },
    ),
  );
});
