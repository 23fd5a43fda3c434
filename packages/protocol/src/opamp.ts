import { type MessageInitShape } from "@bufbuild/protobuf";
import { concatBytes } from "./bytes.ts";
import { TautlineError } from "./error.ts";
import {
  type AgentToServer,
  AgentToServerSchema,
  type ServerToAgent,
  ServerToAgentSchema,
} from "./gen/opamp/v1/opamp_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";

const CODE = "opamp.malformed";

/** The one header there is: a varint of value 0, in its one-byte form. */
const FRAME_HEADER = Uint8Array.of(0);

/**
 * Encodes an agent's message as bare protobuf, which is an HTTP body.
 *
 * @param message the message or its fields
 * @throws opamp.malformed for values without an encoding, opamp.too_large (the sender checks first, opamp-spec "Message size")
 */
export function encodeAgentToServer(
  message: MessageInitShape<typeof AgentToServerSchema>,
): Uint8Array {
  const bytes = encodeMessage(AgentToServerSchema, message, CODE);
  assertFits(bytes, LIMITS.opampMessageBytes.value);
  return bytes;
}

/**
 * Decodes an agent's message from bare protobuf; size, counts and depth are judged before anything is built.
 *
 * @param bytes an HTTP body, or what `decodeFrame` gave
 * @param maxBytes the limit for this link
 * @throws opamp.too_large, opamp.malformed
 */
export function decodeAgentToServer(bytes: Uint8Array, maxBytes: number): AgentToServer {
  assertFits(bytes, maxBytes);
  return decodeMessage(AgentToServerSchema, bytes, CODE);
}

/**
 * Encodes central's message as bare protobuf.
 *
 * @param message the message or its fields
 * @throws opamp.malformed for values without an encoding, opamp.too_large
 */
export function encodeServerToAgent(
  message: MessageInitShape<typeof ServerToAgentSchema>,
): Uint8Array {
  const bytes = encodeMessage(ServerToAgentSchema, message, CODE);
  assertFits(bytes, LIMITS.opampMessageBytes.value);
  return bytes;
}

/**
 * Decodes central's message from bare protobuf; size, counts and depth are judged before anything is built.
 *
 * @param bytes an HTTP body, or what `decodeFrame` gave
 * @param maxBytes the limit for this link
 * @throws opamp.too_large, opamp.malformed
 */
export function decodeServerToAgent(bytes: Uint8Array, maxBytes: number): ServerToAgent {
  assertFits(bytes, maxBytes);
  return decodeMessage(ServerToAgentSchema, bytes, CODE);
}

/**
 * Puts OpAMP's WebSocket header before a message (opamp-spec "WebSocket message format").
 *
 * @param message a message's protobuf, perhaps empty
 */
export function encodeFrame(message: Uint8Array): Uint8Array {
  return concatBytes(FRAME_HEADER, message);
}

/**
 * Takes OpAMP's WebSocket header off a message. Strict: the header is exactly one zero byte; the longer varints of value 0
 * and messages without a header, which some implementations accept, are refused.
 *
 * @param frame one binary WebSocket message
 * @param maxBytes the limit for the message after the header
 * @returns the message's protobuf, which shares memory with `frame`
 * @throws opamp.too_large, opamp.malformed
 */
export function decodeFrame(frame: Uint8Array, maxBytes: number): Uint8Array {
  if (frame[0] !== FRAME_HEADER[0]) {
    throw new TautlineError(CODE, { detail: { reason: "it does not start with one zero byte" } });
  }
  const message = frame.subarray(FRAME_HEADER.length);
  assertFits(message, maxBytes);
  return message;
}

function assertFits(bytes: Uint8Array, limit: number): void {
  if (bytes.length > limit) {
    throw new TautlineError("opamp.too_large", { detail: { size: bytes.length, limit } });
  }
}
