import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createFakeClock } from "@tautline/testing";
import { CHALLENGE_MS, challengeOf } from "./proof-challenge.ts";

test("a number is good for one proof, on the connection it was given on", () => {
  const { now } = createFakeClock();
  const [here, there] = [new PassThrough(), new PassThrough()];
  assert.equal(challengeOf(here, now).take("proof"), undefined);
  const nonce = challengeOf(here, now).issue();
  assert.equal(nonce.length, 32);
  assert.equal(challengeOf(there, now).take("proof"), undefined);
  assert.deepEqual(challengeOf(here, now).take("proof"), nonce);
  assert.equal(challengeOf(here, now).take("another"), undefined);
  // What the connection has proven already.
  assert.deepEqual(challengeOf(here, now).take("proof"), nonce);
});

test("a number is good for 60 s, and each new one is another and ends the one before", () => {
  const clock = createFakeClock();
  const challenge = challengeOf(new PassThrough(), clock.now);
  const first = challenge.issue();
  clock.advance(CHALLENGE_MS);
  assert.equal(challenge.take("proof"), undefined);
  const second = challenge.issue();
  assert.ok(!first.equals(second));
  clock.advance(CHALLENGE_MS - 1);
  assert.deepEqual(challenge.take("proof"), second);
  challenge.issue();
  assert.notDeepEqual(challenge.take("proof"), second);
});
