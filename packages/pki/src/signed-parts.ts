import type { DerOptions } from "./der.ts";
import { DerCursor, readBits } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { readIdentifier } from "./object-identifier.ts";

/** The outer form of certificates and requests (RFC 2986 section 4): views of the bytes as they came. */
export interface SignedParts {
  readonly toBeSigned: Uint8Array;
  /** The AlgorithmIdentifier in DER. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Reads the outer form, without looking inside what was signed beyond that it is DER.
 *
 * @param der the whole structure
 * @param options the error code and what is being read
 * @throws the given code
 */
export function readSignedParts(der: Uint8Array, options: DerOptions): SignedParts {
  const cursor = new DerCursor(der, options);
  const outside = cursor.enter(TAG.sequence);
  const toBeSigned = readElement(cursor, () => cursor.skip());
  const algorithm = readElement(cursor, readAlgorithm);
  const signature = readWholeOctets(cursor);
  cursor.leave(outside);
  cursor.finish();
  return { toBeSigned, algorithm, signature };
}

/**
 * Reads one element and gives its bytes, header included.
 *
 * @param cursor stands before it
 * @param read reads it
 */
export function readElement(cursor: DerCursor, read: (cursor: DerCursor) => unknown): Uint8Array {
  const start = cursor.at;
  read(cursor);
  return cursor.since(start);
}

/**
 * Reads an AlgorithmIdentifier (RFC 5280 section 4.1.1.2).
 *
 * @param cursor stands before it
 */
export function readAlgorithm(cursor: DerCursor): void {
  const outside = cursor.enter(TAG.sequence);
  readIdentifier(cursor);
  if (cursor.hasMore) cursor.skip();
  cursor.leave(outside);
}

/**
 * Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1) without looking at the key.
 *
 * @param cursor stands before it
 */
export function readKeyInfo(cursor: DerCursor): void {
  const outside = cursor.enter(TAG.sequence);
  readAlgorithm(cursor);
  readWholeOctets(cursor);
  cursor.leave(outside);
}

/**
 * Reads a BIT STRING of whole octets.
 *
 * @param cursor stands before it
 */
export function readWholeOctets(cursor: DerCursor): Uint8Array {
  const { unused, octets } = readBits(cursor, cursor.read(TAG.bitString));
  if (unused !== 0) throw cursor.malformed();
  return octets;
}
