import assert from "node:assert/strict";
import { test } from "node:test";
import {
  agentIdFromBytes,
  agentIdToBytes,
  isAgentId,
  makeAgentId,
  parseAgentId,
} from "./agent-id.ts";
import { fromHex } from "./bytes.ts";

const ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

test("RFC 9562 appendix A.6: the example of a UUID version 7", () => {
  assert.equal(makeAgentId(0x017f22e279b0, fromHex("0cc318c4dc0c0c07398f")), ID);
});

test("version and variant stand whatever the random bytes are", () => {
  assert.equal(
    makeAgentId(0, new Uint8Array(10).fill(0xff)),
    "00000000-0000-7fff-bfff-ffffffffffff",
  );
  assert.equal(
    makeAgentId(2 ** 48 - 1, new Uint8Array(10)),
    "ffffffff-ffff-7000-8000-000000000000",
  );
});

const BAD_ARGUMENTS: [string, number, number][] = [
  ["a time before 1970", -1, 10],
  ["a time over 48 bits", 2 ** 48, 10],
  ["half a millisecond", 0.5, 10],
  ["no time", Number.NaN, 10],
  ["9 random bytes", 0, 9],
  ["11 random bytes", 0, 11],
];

for (const [name, nowMs, randomLength] of BAD_ARGUMENTS) {
  test(`no id is made from ${name}`, () => {
    const random = new Uint8Array(randomLength);
    assert.throws(() => makeAgentId(nowMs, random), { code: "value.agent_id" });
  });
}

test("an id is 16 bytes on the wire", () => {
  assert.deepEqual(agentIdToBytes(ID), fromHex("017f22e279b07cc398c4dc0c0c07398f"));
  assert.equal(agentIdFromBytes(agentIdToBytes(ID)), ID);
});

const NOT_IDS = [
  ["nothing", ""],
  ["upper case", ID.toUpperCase()],
  ["braces", `{${ID}}`],
  ["a urn", `urn:uuid:${ID}`],
  ["no hyphens", ID.replaceAll("-", "")],
  ["version 4", ID.replace("-7cc3", "-4cc3")],
  ["another variant", ID.replace("-98c4", "-c8c4")],
  ["a space after it", `${ID} `],
  ["a line feed after it", `${ID}\n`],
  ["a character too many", `${ID}0`],
  ["A2: a parent folder", "../../../../etc/passwd"],
  ["A2: a NUL", `${ID.slice(0, -1)}\0`],
  ["full-width digits", ID.replace("0", "\uff10")],
] as const;

for (const [name, text] of NOT_IDS) {
  test(`an agent id that is ${name} is refused`, () => {
    assert.ok(!isAgentId(text));
    assert.throws(() => parseAgentId(text), { code: "value.agent_id" });
    assert.throws(() => agentIdToBytes(text), { code: "value.agent_id" });
  });
}

test("wire ids of another length or version are refused", () => {
  for (const hex of [
    "",
    "00",
    "017f22e279b04cc398c4dc0c0c07398f",
    "017f22e279b07cc398c4dc0c0c07398f00",
  ]) {
    assert.throws(() => agentIdFromBytes(fromHex(hex)), { code: "value.agent_id" });
  }
});
