import type { DerCursor } from "./der-cursor.ts";
import { isString } from "./der-strings.ts";
import { TAG } from "./der-tags.ts";
import { readIdentifier } from "./object-identifier.ts";

const COMMON_NAME = "2.5.4.3";

/** What a name holds, as far as anyone here asks: whether it is empty, and whether it is one common name and nothing else. */
export interface NameFacts {
  readonly isEmpty: boolean;
  readonly loneCommonName: string | undefined;
}

/**
 * Reads a distinguished name (RFC 5280 section 4.1.2.4) of any attributes, whose values are strings.
 *
 * @param cursor stands before it
 */
export function readName(cursor: DerCursor): NameFacts {
  let attributes = 0;
  let commonName: string | undefined;
  const outside = cursor.enter(TAG.sequence);
  while (cursor.hasMore) {
    const set = cursor.enter(TAG.set);
    let previous: Uint8Array | undefined;
    do {
      const start = cursor.at;
      const text = readAttribute(cursor);
      if (attributes === 0) commonName = text;
      attributes += 1;
      const written = cursor.since(start);
      if (previous !== undefined) requireOrder(cursor, previous, written);
      previous = written;
    } while (cursor.hasMore);
    cursor.leave(set);
  }
  cursor.leave(outside);
  return {
    isEmpty: attributes === 0,
    loneCommonName: attributes === 1 ? commonName : undefined,
  };
}

/** Gives the text of a common name, undefined for every other attribute and every other kind of string. */
function readAttribute(cursor: DerCursor): string | undefined {
  const outside = cursor.enter(TAG.sequence);
  const type = readIdentifier(cursor);
  const tag = cursor.peek();
  const content = cursor.read(tag);
  if (!isString(tag, content)) throw cursor.malformed();
  cursor.leave(outside);
  const isPlain = tag === TAG.utf8String || tag === TAG.printableString;
  return type === COMMON_NAME && isPlain ? Buffer.from(content).toString("utf8") : undefined;
}

/** The members of a set stand in the order of their bytes (X.690 section 11.6), or one name had several encodings. */
function requireOrder(cursor: DerCursor, one: Uint8Array, next: Uint8Array): void {
  if (Buffer.compare(one, next) >= 0) throw cursor.notDer();
}
