import assert from "node:assert/strict";
import { test } from "node:test";
import { aStream } from "./fixture-streams.test.ts";
import { createStreamTable } from "./stream-table.ts";

const stream = (agentId: string, forward: string) => aStream({ agentId, forward });

test("streams are counted by agent and forward, each once, and no longer than they are there", () => {
  const table = createStreamTable();
  const [first, second, other] = [stream("a", "db"), stream("a", "db"), stream("b", "db")];
  for (const each of [first, second, other, first]) table.add(each);
  assert.equal(table.count("a", "db"), 2);
  assert.equal(table.count("b", "db"), 1);
  assert.equal(table.count("a", "web"), 0);
  assert.equal(table.all().length, 3);
  for (const each of [first, first, second]) table.remove(each);
  assert.equal(table.count("a", "db"), 0);
  assert.deepEqual(table.all(), [other]);
});
