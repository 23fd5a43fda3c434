import assert from "node:assert/strict";
import { test } from "node:test";
import { plaintextEvidence } from "@tautline/link";
import { createStreamTable, type LiveStream } from "./stream-table.ts";

const stream = (agentId: string, forward: string): LiveStream => ({
  id: `${agentId}-${forward}`,
  agentId,
  namespace: "default",
  forward,
  wanted: null,
  target: null,
  remoteAddress: "192.0.2.1",
  evidence: plaintextEvidence(() => 0),
  sinceMs: 0,
  heardMs: 0,
  up: 0,
  down: 0,
  end: () => {},
});

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
