import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

/** What of a message's schema can be seen on the wire. */
export interface MessageShape {
  readonly fields: ReadonlyMap<number, FieldShape>;
}

/** How one field may stand on the wire. */
export interface FieldShape {
  readonly wireTypes: readonly WireType[];
  /** A list or a map: every record adds an entry. */
  readonly isRepeated: boolean;
  /** The message inside; for a map, its entry. */
  readonly inner?: MessageShape;
}

const shapes = new WeakMap<DescMessage, MessageShape>();

/**
 * Gives the shape of a message, made once for each schema.
 *
 * @param schema a generated message schema
 */
export function shapeOf(schema: DescMessage): MessageShape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const fields = new Map<number, FieldShape>();
  const shape = { fields };
  // Known before it is filled, so that messages which hold themselves end here.
  shapes.set(schema, shape);
  for (const field of schema.fields) fields.set(field.number, fieldShape(field));
  return shape;
}

function fieldShape(field: DescField): FieldShape {
  switch (field.fieldKind) {
    case "scalar":
      return { wireTypes: [wireTypeOf(field.scalar)], isRepeated: false };
    case "enum":
      return { wireTypes: [WireType.Varint], isRepeated: false };
    case "message":
      return { ...nested(field.message), isRepeated: false };
    case "list":
      return listShape(field);
    case "map":
      return { ...nestedShape({ fields: entryFields(field) }), isRepeated: true };
  }
}

function listShape(field: DescField & { fieldKind: "list" }): FieldShape {
  if (field.listKind === "message") return { ...nested(field.message), isRepeated: true };
  const one = field.listKind === "enum" ? WireType.Varint : wireTypeOf(field.scalar);
  // Numbers may come packed into one record (protobuf encoding, "Packed repeated fields").
  return { wireTypes: [one, WireType.LengthDelimited], isRepeated: true };
}

function entryFields(field: DescField & { fieldKind: "map" }): Map<number, FieldShape> {
  return new Map([
    [1, { wireTypes: [wireTypeOf(field.mapKey)], isRepeated: false }],
    [2, entryValue(field)],
  ]);
}

function entryValue(field: DescField & { fieldKind: "map" }): FieldShape {
  switch (field.mapKind) {
    case "scalar":
      return { wireTypes: [wireTypeOf(field.scalar)], isRepeated: false };
    case "enum":
      return { wireTypes: [WireType.Varint], isRepeated: false };
    case "message":
      return { ...nested(field.message), isRepeated: false };
  }
}

function nested(schema: DescMessage): { wireTypes: WireType[]; inner: MessageShape } {
  return nestedShape(shapeOf(schema));
}

function nestedShape(inner: MessageShape): { wireTypes: WireType[]; inner: MessageShape } {
  return { wireTypes: [WireType.LengthDelimited], inner };
}

function wireTypeOf(type: ScalarType): WireType {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.BOOL:
    case ScalarType.INT32:
    case ScalarType.INT64:
    case ScalarType.UINT32:
    case ScalarType.UINT64:
    case ScalarType.SINT32:
    case ScalarType.SINT64:
      return WireType.Varint;
  }
}
