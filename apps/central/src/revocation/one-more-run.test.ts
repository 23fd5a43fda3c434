import assert from "node:assert/strict";
import { test } from "node:test";
import { oneMoreRun } from "./one-more-run.ts";

test("who asks while a run is under way waits for one more, shared by all who asked meanwhile", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const ask = oneMoreRun(() => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  });
  const first = ask();
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(gates.length, 1);
  const others = [ask(), ask(), ask()];
  assert.equal(new Set(others).size, 1);
  gates[0]?.resolve();
  await first;
  await Promise.resolve();
  assert.equal(gates.length, 2, "begun after they had asked");
  gates[1]?.resolve();
  await Promise.all(others);
  assert.equal(gates.length, 2);
});

test("the error of a run is told to those who wait for it, and the next one runs all the same", async () => {
  let runs = 0;
  const ask = oneMoreRun(() => {
    runs += 1;
    return runs === 1 ? Promise.reject(new Error("once")) : Promise.resolve();
  });
  await assert.rejects(ask(), /once/);
  await ask();
  assert.equal(runs, 2);
});
