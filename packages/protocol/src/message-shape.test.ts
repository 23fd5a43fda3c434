import assert from "node:assert/strict";
import { test } from "node:test";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  DoubleValueSchema,
  FieldOptionsSchema,
  FloatValueSchema,
  ListValueSchema,
  SourceCodeInfo_LocationSchema,
  StructSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { AgentToServerSchema, ComponentHealthSchema } from "./gen/opamp/v1/opamp_pb.ts";
import { shapeOf } from "./message-shape.ts";

const { Varint, Bit64, Bit32, LengthDelimited } = WireType;

test("a scalar stands on the wire as its type says", () => {
  const health = shapeOf(ComponentHealthSchema).fields;

  assert.deepEqual(health.get(1), { wireTypes: [Varint], isRepeated: false });
  assert.deepEqual(health.get(2), { wireTypes: [Bit64], isRepeated: false });
  assert.deepEqual(health.get(3), { wireTypes: [LengthDelimited], isRepeated: false });
  assert.deepEqual(shapeOf(DoubleValueSchema).fields.get(1)?.wireTypes, [Bit64]);
  assert.deepEqual(shapeOf(FloatValueSchema).fields.get(1)?.wireTypes, [Bit32]);
});

test("enums are numbers, alone and in lists", () => {
  assert.deepEqual(shapeOf(ValueSchema).fields.get(1), { wireTypes: [Varint], isRepeated: false });
  const targets = shapeOf(FieldOptionsSchema).fields.get(19);
  assert.deepEqual(targets, { wireTypes: [Varint, LengthDelimited], isRepeated: true });
});

test("a list of numbers may come packed or not", () => {
  const path = shapeOf(SourceCodeInfo_LocationSchema).fields.get(1);
  assert.deepEqual(path, { wireTypes: [Varint, LengthDelimited], isRepeated: true });
});

test("a map is a list of entries with key and value", () => {
  const entry = shapeOf(StructSchema).fields.get(1);
  assert.ok(entry?.isRepeated);
  assert.deepEqual(entry.wireTypes, [LengthDelimited]);
  assert.deepEqual(entry.inner?.fields.get(1), { wireTypes: [LengthDelimited], isRepeated: false });
  assert.equal(entry.inner?.fields.get(2)?.inner, shapeOf(ValueSchema));
});

test("messages that hold themselves have one shape, which holds itself", () => {
  const value = shapeOf(ValueSchema);
  assert.equal(value.fields.get(6)?.inner, shapeOf(ListValueSchema));
  assert.equal(shapeOf(ListValueSchema).fields.get(1)?.inner, value);
  assert.equal(shapeOf(AgentToServerSchema), shapeOf(AgentToServerSchema));
});
