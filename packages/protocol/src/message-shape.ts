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

const FIXED_64 = new Set([ScalarType.DOUBLE, ScalarType.FIXED64, ScalarType.SFIXED64]);
const FIXED_32 = new Set([ScalarType.FLOAT, ScalarType.FIXED32, ScalarType.SFIXED32]);
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
  if (field.fieldKind === "map") {
    const key = { wireTypes: [wireTypeOf(field.mapKey)], isRepeated: false };
    const value = { ...contentShape(field), isRepeated: false };
    const entry = {
      fields: new Map<number, FieldShape>([
        [1, key],
        [2, value],
      ]),
    };
    return { wireTypes: [WireType.LengthDelimited], isRepeated: true, inner: entry };
  }
  const content = contentShape(field);
  if (field.fieldKind !== "list") return { ...content, isRepeated: false };
  // Numbers may come packed into one record (protobuf encoding, "Packed repeated fields").
  const wireTypes = [...content.wireTypes, WireType.LengthDelimited];
  return { ...content, wireTypes, isRepeated: true };
}

/** One value of a field: of a singular field, a list or a map. */
function contentShape({ message, scalar }: DescField): Omit<FieldShape, "isRepeated"> {
  if (message !== undefined) {
    return { wireTypes: [WireType.LengthDelimited], inner: shapeOf(message) };
  }
  // What is neither a message nor a scalar is an enum.
  return { wireTypes: [scalar === undefined ? WireType.Varint : wireTypeOf(scalar)] };
}

function wireTypeOf(type: ScalarType): WireType {
  if (type === ScalarType.STRING || type === ScalarType.BYTES) return WireType.LengthDelimited;
  if (FIXED_64.has(type)) return WireType.Bit64;
  return FIXED_32.has(type) ? WireType.Bit32 : WireType.Varint;
}
