import assert from "node:assert/strict";
import { test } from "node:test";
import {
  judgeRenewal,
  MOST_SKIPPED_RENEWALS,
  type RenewalFacts,
  type RenewalJudgement,
} from "./renewal-judgement.ts";

/** An agent whose identity 4 is granted and proven. */
const PROVEN: RenewalFacts = {
  counter: 5n,
  callerCounter: 4n,
  grantedCounter: 4n,
  provenCounter: 4n,
  hasGrantedKeys: false,
};
/** The same agent after number 5 was granted and before it was proven. */
const GRANTED: RenewalFacts = { ...PROVEN, grantedCounter: 5n };
const UNSEEN = { counter: 1n, callerCounter: 0n, grantedCounter: 0n, provenCounter: 0n };

const TABLE: [name: string, facts: RenewalFacts, expected: RenewalJudgement][] = [
  ["the first renewal after the join", { ...PROVEN, ...UNSEEN }, "next"],
  ["the next number", PROVEN, "next"],
  ["a number with some passed over", { ...PROVEN, counter: 9n }, "next"],
  ["the furthest number ahead", { ...PROVEN, counter: 4n + MOST_SKIPPED_RENEWALS }, "next"],
  ["one further", { ...PROVEN, counter: 5n + MOST_SKIPPED_RENEWALS }, "ahead"],
  ["the greatest number there is", { ...PROVEN, counter: 2n ** 64n - 1n }, "ahead"],
  ["F3: the same number with the same keys", { ...GRANTED, hasGrantedKeys: true }, "repeat"],
  ["F25: the same number with other keys", GRANTED, "clone"],
  ["F3: the next number after an identity that failed", { ...GRANTED, counter: 6n }, "next"],
  ["F25: an old number", { ...PROVEN, counter: 4n }, "clone"],
  ["F25: number 0, which is the join's", { ...PROVEN, ...UNSEEN, counter: 0n }, "clone"],
  [
    "F25: the next number by an identity that was replaced",
    { ...PROVEN, callerCounter: 3n },
    "clone",
  ],
  [
    "F3: the newest keys by an identity whose holder missed the answer that proved them",
    { ...GRANTED, hasGrantedKeys: true, provenCounter: 5n },
    "repeat",
  ],
  [
    "a newer identity that is not proven yet",
    { ...GRANTED, counter: 6n, callerCounter: 5n },
    "next",
  ],
];

for (const [name, facts, expected] of TABLE) {
  test(`${name} is judged '${expected}'`, () => assert.equal(judgeRenewal(facts), expected));
}

test("F25: of two copies of one folder, whichever asks second is found, at whatever moment", () => {
  const first = judgeRenewal(PROVEN);
  const granted = { ...PROVEN, grantedCounter: 5n };
  const proven = { ...granted, provenCounter: 5n };
  assert.equal(first, "next");
  for (const later of [granted, proven, { ...proven, counter: 6n }, { ...proven, counter: 99n }]) {
    assert.equal(judgeRenewal(later), "clone");
  }
});
