import type { ErrorCode, TautlineError } from "@tautline/protocol";

/** The status codes of gRPC, by name. */
export const GRPC = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** Where the HTTP status of an error would say too little. */
const BY_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
  "carry.deadline_exceeded": GRPC.DEADLINE_EXCEEDED,
  "carry.cancelled": GRPC.CANCELLED,
  "carry.silent": GRPC.UNAVAILABLE,
  "carry.idle": GRPC.UNAVAILABLE,
  "carry.caller_silent": GRPC.UNAVAILABLE,
  // What SkyWalking's own receiver says of a token (SW-13), and its agents look for.
  "receiver.token_needed": GRPC.PERMISSION_DENIED,
  "receiver.token_unknown": GRPC.PERMISSION_DENIED,
  "receiver.token_ended": GRPC.PERMISSION_DENIED,
  "receiver.token_exposed": GRPC.PERMISSION_DENIED,
  // Of a level, no other call of this caller would fare better.
  "receiver.port_level": GRPC.PERMISSION_DENIED,
  "receiver.route_level": GRPC.PERMISSION_DENIED,
  "receiver.policy_level": GRPC.PERMISSION_DENIED,
  "policy.level_refused": GRPC.PERMISSION_DENIED,
};

const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: GRPC.INVALID_ARGUMENT,
  401: GRPC.UNAUTHENTICATED,
  403: GRPC.PERMISSION_DENIED,
  404: GRPC.UNIMPLEMENTED,
  405: GRPC.UNIMPLEMENTED,
  409: GRPC.ABORTED,
  412: GRPC.FAILED_PRECONDITION,
  413: GRPC.RESOURCE_EXHAUSTED,
  429: GRPC.RESOURCE_EXHAUSTED,
  431: GRPC.RESOURCE_EXHAUSTED,
  501: GRPC.UNIMPLEMENTED,
  502: GRPC.UNAVAILABLE,
  503: GRPC.UNAVAILABLE,
  504: GRPC.UNAVAILABLE,
};

const LONGEST_MESSAGE_BYTES = 2_048;

/**
 * Tells under which status of gRPC an error of ours travels.
 *
 * @param error any error of the catalogue
 */
export function grpcStatusOf(error: TautlineError): number {
  return BY_CODE[error.code] ?? BY_HTTP_STATUS[error.status] ?? GRPC.INTERNAL;
}

/**
 * Writes an error as trailers of gRPC: status, and as message the sentence, the remedy and the code.
 *
 * @param error any error of the catalogue
 */
export function grpcTrailers(error: TautlineError): Record<string, string> {
  const text = `${error.message} ${error.remedy} (${error.code})`;
  return {
    "grpc-status": String(grpcStatusOf(error)),
    "grpc-message": encodeGrpcMessage(text),
  };
}

/**
 * Encodes text for `grpc-message` (gRPC over HTTP/2, "Status-Message"): percent signs and whatever is not printable ASCII, byte by byte.
 *
 * @param text any text; what is longer than 2,048 bytes when encoded is cut
 */
export function encodeGrpcMessage(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    const next = isPlain ? String.fromCharCode(byte) : hex(byte);
    if (encoded.length + next.length > LONGEST_MESSAGE_BYTES) break;
    encoded += next;
  }
  return encoded;
}

/**
 * Decodes `grpc-message`; what is not encoded as it should be stays as it is.
 *
 * @param text of a trailer
 */
export function decodeGrpcMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
