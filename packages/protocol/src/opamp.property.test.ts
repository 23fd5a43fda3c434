import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { AgentToServerSchema, ServerToAgentSchema } from "./gen/opamp/v1/opamp_pb.ts";
import {
  decodeAgentToServer,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeFrame,
  encodeServerToAgent,
} from "./opamp.ts";

const MAX = 1_000_000;
const text = fc.string({ unit: "grapheme", maxLength: 8 });
const bytes = fc.uint8Array({ maxLength: 40 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const mapOf = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Record<string, Value>> =>
  fc.dictionary(text, value, { maxKeys: 3, noNullPrototype: true });

const { anyValue } = fc.letrec((tie) => ({
  anyValue: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text.map((value) => ({ value: { case: "stringValue", value } })),
    fc
      .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
      .map((value) => ({ value: { case: "intValue", value } })),
    fc.double().map((value) => ({ value: { case: "doubleValue", value } })),
    bytes.map((value) => ({ value: { case: "bytesValue", value } })),
    fc
      .array(tie("anyValue"), { maxLength: 3 })
      .map((values) => ({ value: { case: "arrayValue", value: { values } } })),
  ),
}));
const attributes = fc.array(fc.tuple(text, anyValue), { maxLength: 3 });

test("an agent's message comes back as it was, with or without the WebSocket header", () => {
  fc.assert(
    fc.property(bytes, uint64, attributes, mapOf(bytes), (instanceUid, number, list, files) => {
      const message = create(AgentToServerSchema, {
        instanceUid,
        sequenceNum: number,
        capabilities: number,
        agentDescription: {
          identifyingAttributes: list.map(([key, value]) => ({ key, value: value as object })),
        },
        effectiveConfig: {
          configMap: {
            configMap: Object.fromEntries(
              Object.entries(files).map(([name, body]) => [name, { body }]),
            ),
          },
        },
      });
      const encoded = encodeAgentToServer(message);
      assert.deepEqual(decodeAgentToServer(encoded, MAX), message);
      assert.deepEqual(decodeAgentToServer(decodeFrame(encodeFrame(encoded), MAX), MAX), message);
    }),
  );
});

test("central's message comes back as it was", () => {
  fc.assert(
    fc.property(bytes, uint64, text, mapOf(text), (hash, nanoseconds, message, settings) => {
      const answer = create(ServerToAgentSchema, {
        errorResponse: {
          errorMessage: message,
          details: { case: "retryInfo", value: { retryAfterNanoseconds: nanoseconds } },
        },
        connectionSettings: { hash, otherConnections: { [message]: { otherSettings: settings } } },
      });
      assert.deepEqual(decodeServerToAgent(encodeServerToAgent(answer), MAX), answer);
    }),
  );
});
