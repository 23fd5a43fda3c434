import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventFinder } from "./event-finder.ts";
import { createLineLog } from "./line-log.ts";

test("an event that came before the search began is found", async () => {
  const log = createLineLog();
  log.write('{"event":"ready","port":1}\n');
  const find = createEventFinder(log);
  assert.deepEqual(await find((event) => event["event"] === "ready"), { event: "ready", port: 1 });
});

test("each event is returned once, in order, and those passed over stay for later searches", async () => {
  const log = createLineLog();
  log.write('{"event":"connected","n":1}\n{"event":"other"}\n{"event":"connected","n":2}\n');
  const find = createEventFinder(log);
  const next = (name: string) => find((event) => event["event"] === name);
  assert.equal((await next("connected"))?.["n"], 1);
  assert.equal((await next("connected"))?.["n"], 2);
  assert.deepEqual(await next("other"), { event: "other" });
});

test("two searches at the same time never return the same event", async () => {
  const log = createLineLog();
  const find = createEventFinder(log);
  const both = Promise.all([find(() => true), find(() => true)]);
  log.write('{"n":1}\n{"n":2}\n');
  const numbers = (await both).map((event) => event?.["n"]);
  assert.deepEqual(new Set(numbers), new Set([1, 2]));
});

test("lines that are not JSON objects are passed over", async () => {
  const log = createLineLog();
  log.write('text\n[1]\n3\nnull\n{"half":\n{"event":"yes"}\n');
  assert.deepEqual(await createEventFinder(log)(() => true), { event: "yes" });
});

test("lines that end without the event give undefined", async () => {
  const log = createLineLog();
  log.write('{"event":"other"}\n');
  log.end();
  assert.equal(await createEventFinder(log)((event) => event["event"] === "ready"), undefined);
});
