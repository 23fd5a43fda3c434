import { AsnConvert } from "@peculiar/asn1-schema";
import { type ErrorCode, TautlineError } from "@tautline/protocol";

/** A certificate or request of ours has some 100 nodes; depth 24 covers every structure read here. */
const MAX_NODES = 4096;
const MAX_DEPTH = 24;

/** What to read, and how to say that it is not there. */
export interface DerOptions {
  readonly code: ErrorCode;
  /** Names the thing in the error's reason, such as "the request". */
  readonly what: string;
  readonly maxNodes?: number;
}

/**
 * Encodes a value of the ASN.1 library as DER.
 *
 * @param value an instance of one of the library's schema classes
 */
export function encodeDer(value: object): ArrayBuffer {
  return AsnConvert.serialize(value);
}

/**
 * Decodes DER strictly: what was read, written again, must give the same bytes. So BER forms, trailing bytes, explicit defaults
 * and unknown trailing fields are refused, and no two parsers can read the same signed bytes differently.
 *
 * @param bytes one DER value
 * @param type the schema class
 * @param options the error code (with a `{reason}`) and the limits
 * @returns an instance of `type`
 * @throws the given code
 */
export function decodeDer<T extends object>(
  bytes: Uint8Array | ArrayBuffer,
  type: new () => T,
  options: DerOptions,
): T {
  const limits = {
    maxNodes: options.maxNodes ?? MAX_NODES,
    maxDepth: MAX_DEPTH,
    maxContentLength: bytes.byteLength,
    parseEmbedded: false,
  };
  let value: T;
  let again: ArrayBuffer;
  try {
    value = AsnConvert.parse(bytes, type, { berOptions: limits });
    again = encodeDer(value);
  } catch (cause) {
    throw new TautlineError(options.code, {
      detail: { reason: `${options.what} is not of its ASN.1 form` },
      cause,
    });
  }
  if (!Buffer.from(again).equals(viewOf(bytes))) {
    throw new TautlineError(options.code, {
      detail: { reason: `${options.what} is not in DER, or bytes follow it` },
    });
  }
  return value;
}

function viewOf(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
}
