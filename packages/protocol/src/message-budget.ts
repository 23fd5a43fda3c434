import type { DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { ErrorCode } from "./error-catalogue.ts";
import { TautlineError, toTautlineError } from "./error.ts";
import { type LimitName, LIMITS } from "./limits.ts";
import { type FieldShape, type MessageShape, shapeOf } from "./message-shape.ts";

/** One message whose end is not reached yet. */
interface OpenMessage {
  readonly end: number;
  readonly shape: MessageShape;
  /** How many entries each list and map has so far, by field number. */
  readonly entries: Map<number, number>;
  /** The error code of the whole walk. */
  readonly code: ErrorCode;
}

/**
 * Walks encoded bytes along their schema and refuses what a decoder would pay for, without building anything: a peer can turn
 * two bytes into an object of hundreds, and its nesting into our stack. It also refuses what decoders read in different
 * ways: wire types that differ from the schema, groups, and parts that reach over the end of the whole.
 *
 * @param schema the message that the bytes should hold
 * @param bytes its encoding
 * @param code the error code for bytes that are refused; its sentence has a `{reason}`
 * @throws the given code
 */
export function assertWithinBudget(schema: DescMessage, bytes: Uint8Array, code: ErrorCode): void {
  const reader = new BinaryReader(bytes);
  // A list in place of recursion: the depth of a hostile message must not become the depth of our stack.
  const open = [openMessage(shapeOf(schema), bytes.length, code)];
  let records = 0;
  try {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (reader.pos === top.end) {
        open.pop();
        continue;
      }
      records += 1;
      assertWithin("messageRecords", records, code);
      const inner = readRecord(reader, top);
      if (inner !== undefined) open.push(inner);
      assertWithin("messageDepth", open.length, code);
    }
  } catch (cause) {
    // The reader throws plain errors for a number or a length that the bytes do not hold.
    throw toTautlineError(cause, code, { reason: "it is cut off or damaged" });
  }
}

/** Reads one field's header, then passes over its content or returns the message that begins there. */
function readRecord(reader: BinaryReader, top: OpenMessage): OpenMessage | undefined {
  const [number, wireType] = reader.tag();
  if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) {
    throw refused(top.code, "it has a group, which no version of it has");
  }
  const field = top.shape.fields.get(number);
  if (field !== undefined) judgeField(top, field, number, wireType);
  const inner = field?.inner;
  const end = inner === undefined ? endOfValue(reader, wireType) : endOfMessage(reader);
  if (end > top.end) throw refused(top.code, "a part reaches over the end of the whole");
  return inner && openMessage(inner, end, top.code);
}

/** Passes over a value. */
function endOfValue(reader: BinaryReader, wireType: WireType): number {
  // The reader skips numbers of any length, but reads only those of ten bytes at most.
  if (wireType === WireType.Varint) reader.uint32();
  else reader.skip(wireType);
  return reader.pos;
}

/** Stops at the first byte of a message. */
function endOfMessage(reader: BinaryReader): number {
  const length = reader.uint32();
  return reader.pos + length;
}

function judgeField(top: OpenMessage, field: FieldShape, number: number, wireType: WireType): void {
  if (!field.wireTypes.includes(wireType)) {
    throw refused(top.code, `field ${number} is of another type than it should be`);
  }
  if (!field.isRepeated) return;
  const count = (top.entries.get(number) ?? 0) + 1;
  assertWithin("messageListEntries", count, top.code);
  top.entries.set(number, count);
}

function assertWithin(name: LimitName, count: number, code: ErrorCode): void {
  const { value, unit } = LIMITS[name];
  if (count > value) throw refused(code, `it has more than ${value} ${unit}`);
}

function openMessage(shape: MessageShape, end: number, code: ErrorCode): OpenMessage {
  return { end, shape, entries: new Map(), code };
}

function refused(code: ErrorCode, reason: string): TautlineError {
  return new TautlineError(code, { detail: { reason } });
}
