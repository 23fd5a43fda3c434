import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** What a field holds: a plain value, or a message of its own; what is passed over is left out. */
export type FieldKind = "passed over" | "text" | "number" | "flag" | "double" | MessageShape;

/** Fields of a message by their numbers; a name that ends in `[]` comes any number of times. */
export interface MessageShape {
  readonly [number: number]: readonly [name: string, kind: FieldKind];
}

/** A message as it was read; what was left out on the wire is left out here. */
export type ReadMessage = Record<string, unknown>;

/**
 * Reads a message of Protocol Buffers by the numbers of its fields, and refuses a field that is not among them: what arrives has to be
 * what was sent.
 *
 * @param bytes whole
 * @param shape its fields
 */
export function readMessage(bytes: Uint8Array, shape: MessageShape): ReadMessage {
  const reader = new BinaryReader(bytes);
  const message: ReadMessage = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = shape[number];
    if (field === undefined) throw new Error(`field ${number} (wire type ${wireType}) is unknown`);
    const [name, kind] = field;
    if (kind === "passed over") {
      reader.skip(wireType, number);
      continue;
    }
    const value = readValue(reader, wireType, kind);
    if (!name.endsWith("[]")) message[name] = value;
    else message[name.slice(0, -2)] = [...((message[name.slice(0, -2)] as unknown[]) ?? []), value];
  }
  return message;
}

function readValue(
  reader: BinaryReader,
  wireType: WireType,
  kind: Exclude<FieldKind, "passed over">,
): unknown {
  if (typeof kind === "object") return readMessage(reader.bytes(), kind);
  if (kind === "text") return reader.string();
  if (kind === "flag") return reader.bool();
  const isFixed = wireType === WireType.Bit64;
  if (kind === "double") return isFixed ? reader.double() : reader.float();
  return Number(isFixed ? reader.fixed64() : reader.int64());
}
