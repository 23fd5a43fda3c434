import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import {
  sampleCandidate,
  sampleCommitted,
  sampleJoining,
  sampleTicket,
} from "../../test/sample-states.ts";
import { nextJoinStep, type JoinFacts } from "./join-rule.ts";

const same = { ...sampleTicket };
const other = { ...sampleTicket, tokenId: "second" };
const moved = { ...sampleTicket, addresses: ["moved.example:9150"] };
const otherSecret = { ...sampleTicket, secret: "b3RoZXI" };

const facts = (change: Partial<JoinFacts>): JoinFacts => ({
  state: undefined,
  ticket: undefined,
  isSameCentral: false,
  isLapsed: false,
  ...change,
});

const TABLE: [name: string, facts: Partial<JoinFacts>, outcome: string][] = [
  ["a fresh host with a token begins", { ticket: same }, "begin"],
  ["a fresh host without a token is told to get one", {}, "agent.token_missing"],
  ["a join that was interrupted asks again with what it kept", { state: sampleJoining }, "ask"],
  ["the same token again asks again", { state: sampleJoining, ticket: same }, "ask"],
  ["after a refusal another token is taken", { state: sampleJoining, ticket: other }, "take_token"],
  [
    "a mistyped secret is another token",
    { state: sampleJoining, ticket: otherSecret },
    "take_token",
  ],
  [
    "the same token with other addresses is taken",
    { state: sampleJoining, ticket: moved },
    "take_token",
  ],
  ["a candidate is proven first", { state: sampleCandidate }, "prove"],
  [
    "a candidate with its own token is proven first",
    { state: sampleCandidate, ticket: same },
    "prove",
  ],
  [
    "a candidate whose certificate ran out asks anew",
    { state: sampleCandidate, isLapsed: true },
    "lapse",
  ],
  [
    "a candidate with another token starts over with it",
    { state: sampleCandidate, ticket: other },
    "take_token",
  ],
  ["a committed agent has nothing left to do", { state: sampleCommitted }, "done"],
  [
    "a token of the same central is not used",
    { state: sampleCommitted, ticket: other, isSameCentral: true },
    "done",
  ],
  [
    "a token of another central is refused",
    { state: sampleCommitted, ticket: other },
    "agent.already_joined",
  ],
];

for (const [name, given, outcome] of TABLE) {
  test(`F3: ${name}`, () => {
    if (!outcome.includes(".")) {
      assert.equal(nextJoinStep(facts(given)), outcome);
      return;
    }
    assert.throws(
      () => nextJoinStep(facts(given)),
      (error) => isTautlineError(error) && error.code === outcome,
    );
  });
}
