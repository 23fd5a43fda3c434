import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { concatBytes, fromHex } from "./bytes.ts";
import { AnyValueSchema } from "./gen/opamp/v1/anyvalue_pb.ts";
import {
  AgentConfigMapSchema,
  AgentToServerSchema,
  ComponentHealthSchema,
  CustomCapabilitiesSchema,
  ServerToAgentSchema,
} from "./gen/opamp/v1/opamp_pb.ts";
import { LIMITS } from "./limits.ts";
import { assertWithinBudget } from "./message-budget.ts";

const CODE = "opamp.malformed";

/** A length-delimited field. */
function field(number: number, content: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();
}

function nested(depth: number, wrap: (inner: Uint8Array) => Uint8Array): Uint8Array {
  let bytes: Uint8Array = new Uint8Array();
  for (let level = 0; level < depth; level += 1) bytes = wrap(bytes);
  return bytes;
}

function repeated(count: number, one: Uint8Array): Uint8Array {
  return concatBytes(...Array.from({ length: count }, () => one));
}

function accept(schema: DescMessage, bytes: Uint8Array): void {
  assert.doesNotThrow(() => assertWithinBudget(schema, bytes, CODE));
}

function refuse(schema: DescMessage, bytes: Uint8Array, reason: RegExp): void {
  assert.throws(() => assertWithinBudget(schema, bytes, CODE), { code: CODE, message: reason });
}

test("an empty message and a full one pass", () => {
  accept(AgentToServerSchema, new Uint8Array());
  const health = {
    healthy: true,
    startTimeUnixNano: 1n,
    componentHealthMap: { a: { status: "b" } },
  };
  const attributes = [{ key: "a", value: { value: { case: "doubleValue", value: 1 } } as const }];
  const message = create(AgentToServerSchema, {
    sequenceNum: 2n ** 64n - 1n,
    health: { ...health, attributes },
    customCapabilities: { capabilities: ["a", "b"] },
    packageStatuses: { packages: { a: { downloadDetails: { downloadPercent: 0.5 } } } },
  });
  accept(AgentToServerSchema, toBinary(AgentToServerSchema, message));
});

// ArrayValue in AnyValue: two messages a level.
const inArray = (inner: Uint8Array): Uint8Array => field(5, field(1, inner));
const inList = (inner: Uint8Array): Uint8Array => field(6, field(1, field(2, inner)));
const inHealth = (inner: Uint8Array): Uint8Array => field(6, field(2, inner));
const DEPTH = LIMITS.messageDepth.value;

test("depth at the limit passes, one message more is refused", () => {
  // The outermost message counts as one; a last field with a message inside makes it even.
  accept(AnyValueSchema, nested(DEPTH / 2 - 1, inArray));
  accept(AnyValueSchema, inArrayWithoutValue(nested(DEPTH / 2 - 1, inArray)));
  refuse(AnyValueSchema, nested(DEPTH / 2, inArray), /more than 32 messages in one another/);
});

function inArrayWithoutValue(bytes: Uint8Array): Uint8Array {
  return concatBytes(bytes, field(5, new Uint8Array()));
}

for (const [name, schema, wrap] of [
  ["arrays", AnyValueSchema, inArray],
  ["lists of pairs", AnyValueSchema, inList],
  ["maps of health", ComponentHealthSchema, inHealth],
] as const) {
  test(`A19: ${name} nested 2,000 deep are refused without overflowing the stack`, () => {
    refuse(schema, nested(2000, wrap), /messages in one another/);
  });
}

test("fields at the limit pass, one more is refused", () => {
  const unknown = fromHex("f80701");
  accept(AgentToServerSchema, repeated(LIMITS.messageRecords.value, unknown));
  refuse(
    AgentToServerSchema,
    repeated(LIMITS.messageRecords.value + 1, unknown),
    /more than 16384 fields/,
  );
});

for (const [name, schema, number] of [
  ["a list", CustomCapabilitiesSchema, 1],
  ["a map", AgentConfigMapSchema, 1],
] as const) {
  test(`${name} at the limit passes, one entry more is refused`, () => {
    const one = field(number, new Uint8Array());
    accept(schema, repeated(LIMITS.messageListEntries.value, one));
    refuse(schema, repeated(LIMITS.messageListEntries.value + 1, one), /more than 1024 entries/);
  });
}

test("a field that is no list may come as often as a message may have fields", () => {
  accept(AgentToServerSchema, repeated(LIMITS.messageListEntries.value + 1, fromHex("1001")));
});

test("lists of different fields and of different messages are counted apart", () => {
  const half = repeated(600, field(1, new Uint8Array()));
  const other = repeated(600, field(2, new Uint8Array()));
  accept(AgentToServerSchema, field(3, concatBytes(half, other)));
  accept(AnyValueSchema, field(5, field(1, field(5, half))));
});

const DAMAGED: [string, string, RegExp][] = [
  ["a length beyond its end", "0a10", /cut off/],
  ["a length of 4 GiB", "0affffffff0f", /cut off/],
  ["a message longer than its end", "1a05", /over the end/],
  [
    "a part longer than the message around it",
    "1a021a00ff".replace("1a00ff", "0a05"),
    /over the end/,
  ],
  ["a number cut off", "10ff", /cut off/],
  ["a number of eleven bytes", "10ffffffffffffffffffff01", /cut off/],
  ["a number that runs over its message", "1a0208ff01", /another type/],
  ["field number 0", "0001", /cut off/],
  ["wire type 7", "0f", /cut off/],
  ["eight bytes cut off", "f90701020304", /cut off/],
  ["a text where a number belongs", "1201ff", /field 2 is of another type/],
  ["a number where bytes belong", "0801", /field 1 is of another type/],
  ["a number where a message belongs", "1801", /field 3 is of another type/],
  ["four bytes where eight belong", "2a0515000000", /over the end|another type|cut off/],
  ["a group of no known field", "f3070801f407", /group/],
  ["the end of no group", "f407", /group/],
  ["a group for a message", "1b1c", /group/],
];

for (const [name, hex, reason] of DAMAGED) {
  test(`a message with ${name} is refused`, () =>
    refuse(AgentToServerSchema, fromHex(hex), reason));
}

test("a number that reaches over the end of its message into the next field is refused", () => {
  // Field 5 of two bytes: healthy (1) = a varint whose second byte lies outside.
  refuse(AgentToServerSchema, fromHex("2a0208ff01"), /over the end/);
});

test("fields of a newer version pass, whatever their type", () => {
  accept(ServerToAgentSchema, fromHex("f80701f9070102030405060708fa0702aabbfd0701020304"));
});
