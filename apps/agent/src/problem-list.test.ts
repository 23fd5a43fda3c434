import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { createFakeClock } from "@tautline/testing";
import { createProblemList } from "./problem-list.ts";

test("the latest twenty problems are kept, with time, code, sentence and remedy", () => {
  const clock = createFakeClock();
  const problems = createProblemList(clock.now);
  for (let number = 0; number < 21; number += 1) {
    problems.add(
      new TautlineError("agent.link_closed", { detail: { address: `a:${number}`, reason: "" } }),
    );
    clock.advance(1_000);
  }
  assert.equal(problems.latest.length, 20);
  assert.deepEqual(problems.latest[0], {
    at: "2026-01-01T00:00:01.000Z",
    code: "agent.link_closed",
    text: "The link to a:1 was closed.",
    remedy: problems.latest[1]?.remedy,
  });
  assert.match(problems.latest[0]?.remedy ?? "", /^[A-Z].*\.$/);
});
