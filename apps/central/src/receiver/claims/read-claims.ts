import { isUtf8 } from "node:buffer";
import { CLAIM_LIMITS, type FoundClaims } from "./claim.ts";
import {
  type ClaimCollector,
  collectClaims,
  isReadAttribute,
  UnreadableClaims,
} from "./claim-collector.ts";
import type { ClaimField, ClaimShape } from "./claim-shapes.ts";

/** Wire types of protobuf; groups are read by no one alike. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
/** Of a tag or a length: 32 bits, seven a byte. Some readers drop what is beyond, so it is refused. */
const MOST_TAG_BYTES = 5;
const MOST_VARINT_BYTES = 10;
const MOST_TAG = 0xff_ff_ff_ff;
const MOST_LENGTH = 0x7f_ff_ff_ff;
/** Of an attribute's key, bytes; those that count are shorter. */
const LONGEST_KEY = 64;

/**
 * Reads what a protobuf message claims, and steps over everything else: nothing is copied but the names. Where a field that counts once
 * stands several times, readers differ in which one they take, so each is a claim.
 *
 * @param message whole, unpacked
 * @param shape where claims stand in it
 * @returns the claims, or why the message cannot be read as every reader would; never throws
 */
export function readClaims(message: Buffer, shape: ClaimShape): FoundClaims {
  return collectClaims((collector) =>
    readMessage({ bytes: message, collector, fields: 0 }, { at: 0, end: message.length }, shape),
  );
}

interface Reading {
  readonly bytes: Buffer;
  readonly collector: ClaimCollector;
  /** Stepped over so far: two bytes are a field already, so bytes alone do not bound the work. */
  fields: number;
}

interface Span {
  readonly at: number;
  readonly end: number;
}

/** As deep as the shape, which is ours; what a peer nests deeper is stepped over. */
function readMessage(reading: Reading, span: Span, shape: ClaimShape): void {
  eachField(reading, span, {
    bytes: (field, value) => {
      const found = shape[field];
      if (found !== undefined) readField(reading, value, found);
    },
    other: (field) => {
      if (shape[field] !== undefined) throw oddKind();
    },
  });
}

function readField(reading: Reading, value: Span, field: ClaimField): void {
  const { bytes, collector } = reading;
  if (field === "service" || field === "instance") {
    return collector.add(field, textOf(bytes, value));
  }
  if (field === "text") return requireUtf8(bytes.subarray(value.at, value.end));
  if (field === "attributes") return readAttribute(reading, value);
  if (field.isResource !== true) return readMessage(reading, value, field.inside);
  collector.beginResource();
  readMessage(reading, value, field.inside);
  collector.endResource();
}

/** KeyValue: key 1, value 2. Only of the few keys that count are the values read. */
function readAttribute(reading: Reading, span: Span): void {
  const { bytes, collector } = reading;
  const keys: string[] = [];
  const values: Span[] = [];
  eachField(reading, span, {
    bytes: (field, value) => {
      if (field === 1) requireUtf8(bytes.subarray(value.at, value.end));
      if (field === 1 && value.end - value.at <= LONGEST_KEY) {
        keys.push(bytes.toString("latin1", value.at, value.end));
      }
      if (field === 2) values.push(value);
    },
    other: (field) => {
      if (field === 1 || field === 2) throw oddKind();
    },
  });
  // Each key once: as many values as bytes allow, times as many keys, would be without end.
  for (const key of new Set(keys.filter(isReadAttribute))) {
    for (const value of values) readValue(reading, value, (text) => collector.attribute(key, text));
  }
}

/** AnyValue: text is 1, and seven other kinds are none. */
function readValue(reading: Reading, value: Span, told: (text: string | undefined) => void): void {
  eachField(reading, value, {
    bytes: (kind, text) => told(kind === 1 ? textOf(reading.bytes, text) : undefined),
    other: () => told(undefined),
  });
}

function textOf(bytes: Buffer, { at, end }: Span): string {
  if (end - at > CLAIM_LIMITS.nameBytes) {
    throw new UnreadableClaims(`a name in it is longer than ${CLAIM_LIMITS.nameBytes} bytes`);
  }
  const text = bytes.subarray(at, end);
  requireUtf8(text);
  return text.toString("utf8");
}

function requireUtf8(text: Buffer): void {
  if (!isUtf8(text)) throw new UnreadableClaims("a text in it is not UTF-8");
}

/** Told the fields of a message. */
interface FieldVisitor {
  /** A field of bytes, and where its value stands. */
  bytes(field: number, value: Span): void;
  /** A number, of whatever kind. */
  other(field: number): void;
}

function eachField(reading: Reading, { at: from, end }: Span, visitor: FieldVisitor): void {
  const { bytes } = reading;
  let at = from;
  while (at < end) {
    reading.fields += 1;
    if (reading.fields > CLAIM_LIMITS.fields) {
      throw new UnreadableClaims(`it has more than ${CLAIM_LIMITS.fields} fields`);
    }
    const tag = readNumber(bytes, { at, end }, MOST_TAG);
    const field = Math.floor(tag.value / 8);
    if (field === 0) throw new UnreadableClaims("a field in it has no number");
    at = tag.next;
    const wire = tag.value % 8;
    if (wire === WIRE.bytes) {
      const length = readNumber(bytes, { at, end }, MOST_LENGTH);
      at = length.next + length.value;
      if (at > end) throw cutShort();
      visitor.bytes(field, { at: length.next, end: at });
      continue;
    }
    visitor.other(field);
    at = wire === WIRE.varint ? endOfVarint(bytes, { at, end }) : at + sizeOf(wire);
    if (at > end) throw cutShort();
  }
}

function sizeOf(wire: number): number {
  if (wire === WIRE.fixed64) return 8;
  if (wire === WIRE.fixed32) return 4;
  throw new UnreadableClaims("it has a field of a kind that protobuf has given up");
}

function readNumber(
  bytes: Buffer,
  { at, end }: Span,
  most: number,
): { readonly value: number; readonly next: number } {
  let value = 0;
  let factor = 1;
  for (let index = 0; index < MOST_TAG_BYTES; index += 1) {
    if (at + index >= end) throw cutShort();
    const byte = bytes[at + index] ?? 0;
    value += (byte % 128) * factor;
    factor *= 128;
    if (byte < 128 && value <= most) return { value, next: at + index + 1 };
    if (byte < 128) break;
  }
  throw new UnreadableClaims("a number in it is too large");
}

function endOfVarint(bytes: Buffer, { at, end }: Span): number {
  for (let index = at; index < end && index < at + MOST_VARINT_BYTES; index += 1) {
    if ((bytes[index] ?? 0) < 128) return index + 1;
  }
  throw cutShort();
}

/** Some readers take it for the field that it is not. */
function oddKind(): UnreadableClaims {
  return new UnreadableClaims("a field in it is of another kind than it should be");
}

function cutShort(): UnreadableClaims {
  return new UnreadableClaims("it is no whole protobuf message");
}
