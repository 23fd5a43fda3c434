import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { agentIdFromBytes, agentIdToBytes, makeAgentId, parseAgentId } from "./agent-id.ts";

test("every id that is made is read, keeps its bytes, and sorts by its time", () => {
  const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

  const random = fc.uint8Array({ minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(time, time, random, (early, late, bytes) => {
      const id = makeAgentId(early, bytes);
      assert.equal(parseAgentId(id), id);
      assert.equal(agentIdFromBytes(agentIdToBytes(id)), id);
      if (early < late) assert.ok(id < makeAgentId(late, bytes));
    }),
  );
});
