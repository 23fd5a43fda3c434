import type { DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type LimitName, LIMITS } from "./limits.ts";
import { type FieldShape, type MessageShape, shapeOf } from "./message-shape.ts";

/** One message whose end is not reached yet. */
interface OpenMessage {
  readonly end: number;
  readonly shape: MessageShape;
  /** How many entries each list and map has so far, by field number. */
  readonly entries: Map<number, number>;
}

/** Ends the walk; its message is the reason. */
class Breach extends Error {}

/**
 * Walks encoded bytes along their schema and finds what a decoder would pay for, without building anything: a peer can turn
 * two bytes into an object of hundreds, and its nesting into our stack. It also refuses what decoders read in different
 * ways: wire types that differ from the schema, groups, and parts that reach over the end of the whole.
 *
 * @param schema the message that the bytes should hold
 * @param bytes its encoding
 * @returns why the bytes are refused, or undefined
 */
export function findBudgetBreach(schema: DescMessage, bytes: Uint8Array): string | undefined {
  const reader = new BinaryReader(bytes);
  // A list in place of recursion: the depth of a hostile message must not become the depth of our stack.
  const open = [openMessage(shapeOf(schema), bytes.length)];
  let records = 0;
  try {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (reader.pos === top.end) {
        open.pop();
        continue;
      }
      records += 1;
      assertWithin("messageRecords", records);
      const inner = readRecord(reader, top);
      if (inner !== undefined) open.push(inner);
      assertWithin("messageDepth", open.length);
    }
    return undefined;
  } catch (error) {
    // Other errors are the reader's own, for a number or a length that the bytes do not hold.
    return error instanceof Breach ? error.message : "it is cut off or damaged";
  }
}

/** Reads one field's header, then passes over its content or returns the message that begins there. */
function readRecord(reader: BinaryReader, top: OpenMessage): OpenMessage | undefined {
  const [number, wireType] = reader.tag();
  if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) {
    throw new Breach("it has a group, which no version of it has");
  }
  const field = top.shape.fields.get(number);
  if (field !== undefined) judgeField(top, field, number, wireType);
  const inner = field?.inner;
  if (inner === undefined) reader.skip(wireType);
  const contentLength = inner === undefined ? 0 : reader.uint32();
  const end = reader.pos + contentLength;
  if (end > top.end) throw new Breach("a part reaches over the end of the whole");
  return inner && openMessage(inner, end);
}

function judgeField(top: OpenMessage, field: FieldShape, number: number, wireType: WireType): void {
  if (!field.wireTypes.includes(wireType)) {
    throw new Breach(`field ${number} is of another type than it should be`);
  }
  if (!field.isRepeated) return;
  const count = (top.entries.get(number) ?? 0) + 1;
  assertWithin("messageListEntries", count);
  top.entries.set(number, count);
}

function assertWithin(name: LimitName, count: number): void {
  const { value, unit } = LIMITS[name];
  if (count > value) throw new Breach(`it has more than ${value} ${unit}`);
}

function openMessage(shape: MessageShape, end: number): OpenMessage {
  return { end, shape, entries: new Map() };
}
