import assert from "node:assert/strict";
import { test } from "node:test";
import { createTally } from "./tally.ts";

function begun() {
  let nowMs = 10_000;
  return { tally: createTally(() => nowMs), pass: (ms: number) => void (nowMs += ms) };
}

test("nothing counted is nothing, and no time at all rather than 0 ms", () => {
  const reading = begun().tally.read();
  assert.deepEqual([reading.joined, reading.connected, reading.joiningMs], [0, 0, 0]);
  assert.deepEqual(reading.answerTimes, { p50Ms: null, p99Ms: null, maxMs: null });
  assert.deepEqual(reading.errors, {});
});

test("the time of joining ends with the last join", () => {
  const { tally, pass } = begun();
  pass(500);
  tally.joined(400);
  pass(1_500);
  tally.joined(900);
  pass(60_000);
  const reading = tally.read();
  assert.deepEqual([reading.joined, reading.connected, reading.joiningMs], [2, 2, 2_000]);
});

test("a link that breaks and comes back is one reconnect, and the agent is connected once", () => {
  const { tally } = begun();
  tally.joined(10);
  tally.disconnected();
  assert.equal(tally.read().connected, 0);
  tally.reconnected(20);
  const { connected, joined, reconnects } = tally.read();
  assert.deepEqual({ connected, joined, reconnects }, { connected: 1, joined: 1, reconnects: 1 });
});

function isNear(value: number | null, wanted: number): boolean {
  return value !== null && Math.abs(value - wanted) <= wanted / 500 + 0.01;
}

test("half of the answers are as quick as p50, and 99 of 100 as p99", () => {
  const { tally } = begun();
  for (let ms = 1; ms <= 1_000; ms += 1) tally.answered(ms);
  const { p50Ms, p99Ms, maxMs } = tally.read().answerTimes;
  assert.ok(isNear(p50Ms, 500), `p50 is ${p50Ms}`);
  assert.ok(isNear(p99Ms, 990), `p99 is ${p99Ms}`);
  assert.ok(isNear(maxMs, 1_000), `max is ${maxMs}`);
});

test("times of no length, less and more than there is room for, are counted all the same", () => {
  const { tally } = begun();
  for (const ms of [0, -5, 1e12]) tally.answered(ms);
  assert.ok((tally.read().answerTimes.p50Ms ?? 1) <= 0.01);
});

test("F7: each renewal counts, and each time without a valid certificate, with the longest", () => {
  const { tally } = begun();
  for (const gapMs of [0, 0, 700, 300]) tally.renewed(gapMs);
  tally.lapsed();
  tally.renewalFailed();
  tally.gap(500);
  const { renewals, lapsed, renewalFailures, gaps, longestGapMs } = tally.read();
  assert.deepEqual([renewals, lapsed, renewalFailures], [4, 1, 1]);
  assert.deepEqual([gaps, longestGapMs], [3, 700]);
});

test("sent, acknowledged and errors are counted each by itself", () => {
  const { tally } = begun();
  tally.sent();
  tally.sent();
  tally.acknowledged();
  tally.failed("link.timeout");
  tally.failed("agent.refused");
  tally.failed("link.timeout");
  tally.lost();
  const { sent, acknowledged, errors, lost } = tally.read();
  assert.deepEqual([sent, acknowledged, lost], [2, 1, 1]);
  assert.deepEqual(errors, { "agent.refused": 1, "link.timeout": 2 });
});
