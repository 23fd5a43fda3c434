import assert from "node:assert/strict";
import { test } from "node:test";
import { examinePolicy } from "./examine-policy.ts";

const NOW = Date.parse("2026-11-28T12:00:00Z");

const change = (id: number, changes: object = {}) => ({
  id,
  namespace: "default",
  step: "undone",
  reason: "agents_lost",
  undoneBy: "central",
  endedAt: "2026-11-28T11:00:00Z",
  ...changes,
});
const policy = (exceptions: readonly object[]) => ({
  namespace: "default",
  kind: "control",
  exceptions,
});
const wheres = (changes: readonly object[]) =>
  examinePolicy(changes as never, [], NOW).map(({ where }) => where);

test("A25: a change that central took back is an error that says why, and how to go on", () => {
  const [finding, ...others] = examinePolicy([change(7)], [], NOW);
  assert.deepEqual(others, []);
  assert.equal(finding?.severity, "error");
  assert.match(finding?.what ?? "", /was undone .*: more agents were lost than --undo-if allows$/);
  assert.equal(finding?.where, "change 7 of the policy of namespace default");
  assert.match(finding?.remedy ?? "", /'tautline policy history 7'/);
});

test("what an operator took back, or is done or under way, is none", () => {
  const fine = [{ undoneBy: "operator:ana" }, { step: "done" }, { step: "watching" }];
  for (const each of fine) assert.deepEqual(wheres([change(1, each)]), []);
});

test("a newer change of the same namespace, or of all, ends it; one of another does not", () => {
  const done = { step: "done", undoneBy: "" };
  assert.deepEqual(wheres([change(2, done), change(1)]), []);
  assert.deepEqual(wheres([change(2, { ...done, namespace: null }), change(1)]), []);
  assert.deepEqual(wheres([change(2, { ...done, namespace: "lab" }), change(1)]), [
    "change 1 of the policy of namespace default",
  ]);
  assert.deepEqual(wheres([change(2, { namespace: null }), change(1)]), [
    "change 2 of the policy of all namespaces",
  ]);
});

test("whoever is excepted is named with the level, five of many", () => {
  assert.deepEqual(examinePolicy([], [policy([])], NOW), []);
  const one = { agent: "a-1", level: "basic" };
  const [finding] = examinePolicy([], [policy([one])], NOW);
  assert.equal(finding?.what, "A policy lets in 1 agent below it: a-1 at basic");
  const many = Array.from({ length: 6 }, () => one);
  const [listed] = examinePolicy([], [policy(many)], NOW);
  assert.match(listed?.what ?? "", /^A policy lets in 6 agents below it: .* and others$/);
  assert.equal(listed?.what.split("a-1").length, 6);
});
