import {
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  create,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { equalBytes } from "./bytes.ts";
import { type ErrorCode } from "./error-catalogue.ts";
import { TautlineError } from "./error.ts";
import { assertWithinBudget } from "./message-budget.ts";

/**
 * Decodes one protobuf message of a peer after its size, counts and depth have been judged.
 *
 * The result never shares memory with `bytes`, so a receive buffer can be used again. Fields that the schema does not know
 * are passed over.
 *
 * @param schema the message that the bytes should hold
 * @param bytes its encoding, already within its size limit
 * @param code the error code for bytes that are not it; its sentence has a `{reason}`
 * @throws the given code
 */
export function decodeMessage<Schema extends DescMessage>(
  schema: Schema,
  bytes: Uint8Array,
  code: ErrorCode,
): MessageShape<Schema> {
  assertWithinBudget(schema, bytes, code);
  try {
    return fromBinary(schema, new Uint8Array(bytes), { readUnknownFields: false });
  } catch (cause) {
    throw new TautlineError(code, { detail: { reason: "it is cut off or damaged" }, cause });
  }
}

/**
 * Decodes one protobuf message that has exactly one encoding: what we sign or hand to people. Refuses unknown fields,
 * because a part that this version would pass over could be the part that forbids something.
 *
 * @param schema the message that the bytes should hold
 * @param bytes its encoding, already within its size limit
 * @param code the error code for bytes that are not it; its sentence has a `{reason}`
 * @throws the given code
 */
export function decodeCanonicalMessage<Schema extends DescMessage>(
  schema: Schema,
  bytes: Uint8Array,
  code: ErrorCode,
): MessageShape<Schema> {
  const message = decodeMessage(schema, bytes, code);
  if (!equalBytes(toBinary(schema, message), bytes)) {
    throw new TautlineError(code, { detail: { reason: "it is not in its one encoding" } });
  }
  return message;
}

/**
 * Encodes one protobuf message.
 *
 * @param schema the message's schema
 * @param fields its fields; those left out have protobuf's defaults
 * @param code the error code for values that have no encoding; its sentence has a `{reason}`
 * @throws the given code
 */
export function encodeMessage<Schema extends DescMessage>(
  schema: Schema,
  fields: MessageInitShape<Schema>,
  code: ErrorCode,
): Uint8Array {
  try {
    return toBinary(schema, create(schema, fields), { writeUnknownFields: false });
  } catch (cause) {
    throw new TautlineError(code, { detail: { reason: "a value has no encoding" }, cause });
  }
}
