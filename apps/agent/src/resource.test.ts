import assert from "node:assert/strict";
import { test } from "node:test";
import { resource } from "./resource.ts";

test("a resource is open between start and stop, and closed once", async () => {
  const closed: string[] = [];
  const part = resource(
    "thing",
    async () => "open",
    (thing) => void closed.push(thing),
  );
  assert.throws(() => part.value, /'thing' is not started/);
  await part.start?.();
  assert.equal(part.value, "open");
  await part.stop?.();
  await part.stop?.();
  assert.deepEqual(closed, ["open"]);
  assert.throws(() => part.value);
});

test("what failed to open is not closed", async () => {
  const closed: string[] = [];
  const part = resource(
    "thing",
    () => Promise.reject<string>(new Error("no")),
    (thing) => void closed.push(thing),
  );
  await assert.rejects(async () => part.start?.(), /no/);
  await part.stop?.();
  assert.deepEqual(closed, []);
});
