import assert from "node:assert/strict";
import { it } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  AgentToServerSchema,
  encodeServerToAgent,
  isTautlineError,
  recordToAttributes,
  toTautlineError,
} from "@tautline/protocol";
import * as fc from "fast-check";
import { withCore } from "../fixture-core.test.ts";
import { createAgentSession } from "./agent-session.ts";
import { errorAnswer } from "./answer.ts";
import { joinedCaller, messageOf, type MessageFields } from "./fixture-messages.test.ts";
import { sessionDepsOf } from "./fixture-sessions.test.ts";
import { claimedSender } from "./message-sender.ts";
import { errorForPeer } from "./peer-error.ts";
import { statusChangeOf } from "./status-change.ts";

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const id16 = fc.uint8Array({ minLength: 16, maxLength: 16 });

const fields: fc.Arbitrary<MessageFields> = fc.record(
  {
    agentDescription: fc
      .dictionary(text, text, { maxKeys: 5 })
      .map((record) => ({ identifyingAttributes: recordToAttributes(record) })),
    health: fc.record({ healthy: fc.boolean(), status: text, lastError: text }),
    remoteConfigStatus: fc.record({
      lastRemoteConfigHash: fc.uint8Array({ maxLength: 70 }),
      errorMessage: text,
    }),
    flags: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    customMessage: fc.record({
      capability: fc.constantFrom("io.tautline.instruction", "io.tautline.enrolment", "x"),
      type: fc.constantFrom("receipt", "request", "renew", "signed"),
      data: fc.uint8Array({ maxLength: 60 }),
    }),
  },
  { requiredKeys: [] },
);

it("whatever an agent sends, it is answered or refused by a code, never by nothing, and stays one agent", () =>
  withCore(async (core) => {
    const caller = await joinedCaller(core);
    const { id } = caller.agent;
    const session = createAgentSession(sessionDepsOf(core), caller);
    const seq = fc.nat({ max: 20 });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(seq, fields).map(([at, each]) => messageOf(id, at, each)),
      fc.tuple(seq, fields).map(([at, each]) => messageOf(id, at, each).subarray(0, -1)),
      fc.tuple(seq, id16).map(([at, instanceUid]) => messageOf(id, at, { instanceUid })),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (message) => {
        const answer = await session.receive(message).catch((error: unknown) => {
          assert.ok(isTautlineError(error), String(error));
          return errorAnswer(errorForPeer(toTautlineError(error)), id);
        });
        assert.ok(encodeServerToAgent(answer).length > 0);
      }),
      { numRuns: 200 },
    );
    assert.deepEqual(
      (await core.agents.list()).map((agent) => agent.id),
      [id],
    );
    assert.equal((await core.trail.verify()).ok, true);
    assert.deepEqual(Object.keys(Object.prototype), []);
  }));

it("any status is read as bounded, printable texts, or refused as opamp.malformed", () => {
  fc.assert(
    fc.property(fields, (each) => {
      try {
        const change = statusChangeOf(create(AgentToServerSchema, each));
        const shown = [
          change.version ?? "",
          change.config?.error ?? "",
          String(change.health?.["status"]),
        ];
        for (const said of shown) {
          assert.ok(said.length <= 2_000);
          assert.equal(/[\p{Cc}\p{Cf}]/u.test(said), false);
        }
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "opamp.malformed", String(error));
      }
    }),
  );
});

it("any sixteen bytes and any others are an agent id or opamp.malformed", () => {
  fc.assert(
    fc.property(fc.oneof(id16, fc.uint8Array({ maxLength: 40 })), (instanceUid) => {
      try {
        assert.match(claimedSender({ instanceUid }), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}$/);
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "opamp.malformed", String(error));
      }
    }),
  );
});
