import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { makeAgentId } from "./agent-id.ts";
import { isTautlineError } from "./error.ts";
import { formatSpiffeId, parseSpiffeId, type SpiffeId } from "./spiffe-id.ts";

const label = fc
  .stringMatching(/^[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?$/)
  .filter((l) => !l.startsWith("xn--"));

const trustDomain = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join("."));
const agentId = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.uint8Array({ minLength: 10, maxLength: 10 }))
  .map(([nowMs, random]) => makeAgentId(nowMs, random));
const spiffeId: fc.Arbitrary<SpiffeId> = fc.oneof(
  trustDomain.map((domain): SpiffeId => ({ kind: "central", trustDomain: domain })),
  fc.tuple(trustDomain, label, agentId).map((parts): SpiffeId => {
    const [domain, namespace, id] = parts;
    return { kind: "agent", trustDomain: domain, namespace, agentId: id };
  }),
);

test("A13: what is written is read as the same id", () => {
  fc.assert(fc.property(spiffeId, (id) => assert.deepEqual(parseSpiffeId(formatSpiffeId(id)), id)));
});

test("A13: a text that differs in one place is another id or none, never the same", () => {
  const change = fc.tuple(fc.nat(), fc.string({ unit: "binary", minLength: 0, maxLength: 2 }));
  fc.assert(
    fc.property(spiffeId, change, (id, [place, insert]) => {
      const text = formatSpiffeId(id);
      const at = place % text.length;
      const changed = text.slice(0, at) + insert + text.slice(at + 1);
      if (changed === text) return;
      try {
        assert.equal(formatSpiffeId(parseSpiffeId(changed)), changed);
      } catch (error) {
        assert.ok(isTautlineError(error), String(error));
      }
    }),
  );
});
