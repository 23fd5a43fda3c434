import assert from "node:assert/strict";
import { test } from "node:test";
import type { DescEnum } from "@bufbuild/protobuf";
import { AgentCapability, hasCapability, ServerCapability } from "./capability.ts";
import { AgentCapabilitiesSchema, ServerCapabilitiesSchema } from "./gen/opamp/v1/opamp_pb.ts";

/** "ReportsOwnLogs" for AGENT_CAPABILITIES_REPORTS_OWN_LOGS, without the unset value; case is not compared. */
function bitsOf(schema: DescEnum): Map<string, bigint> {
  const named = schema.values.filter((value) => value.number !== 0);

  return new Map(
    named.map(({ localName, number }) => [
      localName.replaceAll("_", "").toLowerCase(),
      BigInt(number),
    ]),
  );
}

for (const [name, schema, capabilities] of [
  ["agent", AgentCapabilitiesSchema, AgentCapability],
  ["server", ServerCapabilitiesSchema, ServerCapability],
] as const) {
  test(`the ${name}'s capabilities are those of opamp.proto, each a bit of its own`, () => {
    const bits = Object.entries<bigint>(capabilities);
    assert.deepEqual(new Map(bits.map(([key, bit]) => [key.toLowerCase(), bit])), bitsOf(schema));
    assert.equal(
      bits.reduce((sum, [, bit]) => sum + bit, 0n),
      2n ** BigInt(bits.length) - 1n,
    );
  });
}

test("a set has a capability when it has all its bits; unknown bits mean nothing", () => {
  const { ReportsStatus, ReportsHeartbeat, ReportsHealth } = AgentCapability;
  const set = ReportsStatus | ReportsHeartbeat | (2n ** 60n);
  assert.ok(hasCapability(set, ReportsStatus));
  assert.ok(hasCapability(set, ReportsStatus | ReportsHeartbeat));
  assert.ok(!hasCapability(set, ReportsStatus | ReportsHealth));
});
