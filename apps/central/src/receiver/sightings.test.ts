import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { createSightings, SEEN_LATELY_MS } from "./sightings.ts";

const error = new TautlineError("receiver.token_unknown");

function seen() {
  let nowMs = 1_000;
  const sightings = createSightings(() => nowMs);
  return { sightings, pass: (ms: number): void => void (nowMs += ms) };
}

test("refusals are counted by code, with the last five addresses", () => {
  const { sightings, pass } = seen();
  for (const host of ["a", "b", "c", "d", "e", "f", "b"]) sightings.refused(error, host);
  pass(5);
  sightings.refused(error, "a");
  const [one, ...others] = sightings.refusals();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [one?.count, one?.firstMs, one?.lastMs, one?.from],
    [8, 1_000, 1_005, ["a", "b", "f", "e", "d"]],
  );
  assert.equal(one?.sentence, error.message);
});

test("what is a day old is forgotten, and counted anew when it comes again", () => {
  const { sightings, pass } = seen();
  sightings.refused(error, "a");
  const claim = {
    claimant: "client:shop",
    backend: "oap",
    claimed: "service 'x'",
    isRefused: true,
  };
  sightings.claimed(claim);
  sightings.claimed(claim);
  assert.deepEqual(sightings.claims(), [{ ...claim, count: 2, lastMs: 1_000 }]);
  pass(SEEN_LATELY_MS);
  assert.equal(sightings.refusals().length, 1);
  pass(1);
  assert.deepEqual([sightings.refusals(), sightings.claims()], [[], []]);
  sightings.refused(error, "b");
  const [again] = sightings.refusals();
  assert.deepEqual([again?.count, again?.from], [1, ["b"]]);
});

test("when a token was used last is known", () => {
  const { sightings, pass } = seen();
  assert.equal(sightings.usedMs("t"), undefined);
  sightings.used("t");
  pass(7);
  sightings.used("t");
  assert.equal(sightings.usedMs("t"), 1_007);
});
