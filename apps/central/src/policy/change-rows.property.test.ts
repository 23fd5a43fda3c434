import assert from "node:assert/strict";
import { it } from "node:test";
import { isTautlineError, LEVELS } from "@tautline/protocol";
import * as fc from "fast-check";
import { SECURE_LEVELS } from "../listeners/listener-settings.ts";
import { CHANGE_STEPS, type ChangeAgent, type PolicyChange } from "./change.ts";
import { agentRowOf, changeAgentOf, changeOf, countsOf, rowOf } from "./change-rows.ts";
import { VERDICTS } from "./plan.ts";
import { POLICY_KINDS } from "./policy-kind.ts";

const policy = fc.record(
  {
    accept: fc.subarray([...LEVELS], { minLength: 1 }),
    clientProof: fc.constantFrom("none", "require"),
    postQuantum: fc.constantFrom("prefer", "require"),
    loopback: fc.constantFrom("keep", "off"),
  },
  { noNullPrototype: true },
);
const kind = fc.constantFrom(...POLICY_KINDS);
const heard = fc.record(
  {
    secure: fc.subarray([...SECURE_LEVELS]),
    plaintext: fc.constantFrom("public", "loopback", "off"),
    isShared: fc.boolean(),
  },
  { noNullPrototype: true },
);
const time = fc.nat();
const changes: fc.Arbitrary<PolicyChange> = fc.record(
  {
    id: fc.nat(),
    namespace: fc.option(fc.constantFrom("default", "lab"), { nil: undefined }),
    kinds: fc.subarray([...POLICY_KINDS], { minLength: 1 }),
    policy,
    windowMs: time,
    undoIf: fc.double({ min: 0, max: 100, noNaN: true }),
    mayUndo: fc.boolean(),
    actor: fc.string(),
    places: fc.array(
      fc.record(
        {
          namespace: fc.string(),
          kind,
          before: fc.option(policy, { nil: undefined }),
        },
        { noNullPrototype: true },
      ),
    ),
    step: fc.constantFrom(...CHANGE_STEPS),
    reason: fc.string(),
    undoneBy: fc.string(),
    spentMs: time,
    startedMs: time,
    stepMs: time,
    endedMs: fc.option(time),
    totals: fc.constant({ stays: 1, moves: 2, unknown: 3, "cut off": 4 }),
    heardBefore: fc.option(heard),
    heardAfter: fc.option(heard),
    isSettled: fc.boolean(),
  },
  { noNullPrototype: true },
);
const agents: fc.Arbitrary<ChangeAgent> = fc.record(
  {
    id: fc.uuid(),
    namespace: fc.constant("default"),
    verdict: fc.constantFrom(...VERDICTS),
    isWatched: fc.boolean(),
    moveTo: fc.option(fc.constantFrom(...LEVELS)),
    lacking: fc.array(
      fc.record({ kind, level: fc.constantFrom(...LEVELS) }, { noNullPrototype: true }),
    ),
    hasMet: fc.boolean(),
    isExcepted: fc.boolean(),
    isLost: fc.boolean(),
    isEnded: fc.boolean(),
    code: fc.string(),
    missingMs: fc.constant(0),
  },
  { noNullPrototype: true },
);

it("a change and its agents are read as they were written", () => {
  fc.assert(
    fc.property(changes, agents, (change, agent) => {
      assert.deepEqual(changeOf({ ...rowOf(change), counts_json: null }), change);
      assert.deepEqual(changeAgentOf(agentRowOf(change.id, agent)), agent);
    }),
  );
});

const damages = fc.oneof(fc.string(), fc.json(), fc.constantFrom("", "{}", "[1]", "null", '"x"'));

it("F12: what this program cannot have written is damage and nothing else, whatever it is", () => {
  fc.assert(
    fc.property(changes, agents, damages, (change, agent, text) => {
      const row = { ...rowOf(change), counts_json: null };
      const reads: readonly (() => unknown)[] = [
        () => changeOf({ ...row, policy_json: text }),
        () => changeOf({ ...row, places_json: text }),
        () => changeOf({ ...row, heard_before_json: text }),
        () => changeOf({ ...row, totals_json: text }),
        () => changeAgentOf({ ...agentRowOf(1, agent), lacking_json: text }),
        () => changeAgentOf({ ...agentRowOf(1, agent), verdict: text }),
        () => countsOf(text),
      ];
      for (const read of reads) {
        try {
          read();
        } catch (error) {
          assert.ok(isTautlineError(error) && error.code === "store.damaged", String(error));
        }
      }
    }),
  );
});
