import { TautlineError } from "@tautline/protocol";
import type { DerOptions } from "./der.ts";
import { isString } from "./der-strings.ts";
import { TAG } from "./der-tags.ts";

/** Nothing read here nests deeper than 12; the library's reader has the same bound. */
const MAX_DEPTH = 24;
/** Three octets of length reach 16 MiB, far above what any caller lets in. */
const MAX_LENGTH_OCTETS = 3;
const CONSTRUCTED = 0x20;
const CLASS_AND_FORM = 0xe0;
const NUMBER = 0x1f;
/** Tags of the universal class end below this. */
const UNIVERSAL_END = 0x40;
const EMPTY = new Uint8Array();

/**
 * Walks over one DER value (X.690 sections 8.1 and 10) without building anything: definite lengths in their shortest form only, no
 * tag numbers above 30, no element beyond the one around it. Whoever reads says which tag must come next, so what is not expected is
 * refused where it stands; nothing is allocated for it.
 */
export class DerCursor {
  readonly #bytes: Uint8Array;
  readonly #options: DerOptions;
  /** Of the next element. */
  #at = 0;
  /** Of the element that is being read inside. */
  #end: number;
  /** Of the content behind the header read last. */
  #start = 0;
  #stop = 0;

  /**
   * @param bytes one DER value; bounded by the caller
   * @param options the error code (with a `{reason}`) and the name of the thing
   */
  constructor(bytes: Uint8Array, options: DerOptions) {
    this.#bytes = bytes;
    this.#options = options;
    this.#end = bytes.length;
  }

  /** The offset of the next element. */
  get at(): number {
    return this.#at;
  }

  /** Whether the element that is being read has more inside. */
  get hasMore(): boolean {
    return this.#at < this.#end;
  }

  /** Whether there is a next element and it has this tag. */
  isNext(tag: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at] === tag;
  }

  /** The identifier octet of the next element. */
  peek(): number {
    return this.#byte(this.#at);
  }

  /**
   * Steps into the next element.
   *
   * @param tag which it must have
   * @returns what `leave` needs to step out again
   */
  enter(tag: number): number {
    this.#open(tag);
    const outer = this.#end;
    this.#at = this.#start;
    this.#end = this.#stop;
    return outer;
  }

  /** Steps out of an element, which must have been read to its end. */
  leave(outer: number): void {
    if (this.#at !== this.#end) throw this.malformed();
    this.#end = outer;
  }

  /**
   * Reads the next element.
   *
   * @param tag which it must have
   * @returns a view of its content
   */
  read(tag: number): Uint8Array {
    this.#open(tag);
    this.#at = this.#stop;
    return this.#start === this.#stop ? EMPTY : this.#bytes.subarray(this.#start, this.#stop);
  }

  /** Gives the bytes from an earlier offset up to the next element. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#at);
  }

  /** Passes over the next element, whatever it is, if it is DER through and through. */
  skip(): void {
    this.#skip(MAX_DEPTH);
  }

  /** Nothing may follow the value. */
  finish(): void {
    if (this.#at !== this.#bytes.length) throw this.notDer();
  }

  /** The error for a value that is not of the form expected. */
  malformed(): TautlineError {
    return this.#error("is not of its ASN.1 form");
  }

  /** The error for a value that BER has further encodings for, of which this is one. */
  notDer(): TautlineError {
    return this.#error("is not in DER, or bytes follow it");
  }

  #error(reason: string): TautlineError {
    const { code, what } = this.#options;
    return new TautlineError(code, { detail: { reason: `${what} ${reason}` } });
  }

  #byte(at: number): number {
    const byte = at < this.#end ? this.#bytes[at] : undefined;
    if (byte === undefined) throw this.malformed();
    return byte;
  }

  /** Reads a header and finds where the content begins and ends. */
  #open(tag: number): void {
    if (this.#byte(this.#at) !== tag) throw this.malformed();
    const first = this.#byte(this.#at + 1);
    let start = this.#at + 2;
    let length = first;
    if (first >= 0x80) {
      const octets = first - 0x80;
      // 0x80 alone is BER's indefinite length.
      if (octets === 0 || octets > MAX_LENGTH_OCTETS) throw this.notDer();
      length = 0;
      for (const last = start + octets; start < last; start += 1) {
        length = length * 256 + this.#byte(start);
      }
      if (length < 0x80 || length < 256 ** (octets - 1)) throw this.notDer();
    }
    if (start + length > this.#end) throw this.malformed();
    this.#start = start;
    this.#stop = start + length;
  }

  #skip(depthLeft: number): void {
    const tag = this.peek();
    if ((tag & NUMBER) === NUMBER || depthLeft === 0) throw this.malformed();
    if ((tag & CONSTRUCTED) === 0) {
      requirePlain(this, tag, this.read(tag));
      return;
    }
    // A string in pieces is BER; of the universal types only these two are made of others.
    const isUniversal = (tag & CLASS_AND_FORM) === CONSTRUCTED;
    if (isUniversal && tag !== TAG.sequence && tag !== TAG.set) throw this.notDer();
    const outer = this.enter(tag);
    while (this.hasMore) this.#skip(depthLeft - 1);
    this.leave(outer);
  }
}

/** The types that have several encodings in BER, and one in DER (X.690 sections 8.3.2, 8.8.2, 8.19.2, 11.1, 11.2.1). */
function requirePlain(cursor: DerCursor, tag: number, content: Uint8Array): void {
  switch (tag) {
    case TAG.boolean:
      readBoolean(cursor, content);
      break;
    case TAG.integer:
    case TAG.enumerated:
      requireInteger(cursor, content);
      break;
    case TAG.bitString:
      readBits(cursor, content);
      break;
    case TAG.null:
      if (content.length !== 0) throw cursor.notDer();
      break;
    case TAG.objectIdentifier:
      requireIdentifier(cursor, content);
      break;
    case TAG.octetString:
      break;
    default:
      // Of other classes the type is not known, and with it whether anything is wrong.
      if (tag < UNIVERSAL_END && !isString(tag, content)) throw cursor.malformed();
  }
}

/**
 * Reads the content of a BOOLEAN: 00 or ff.
 *
 * @param cursor that read it; makes the error
 * @param content as read
 */
export function readBoolean(cursor: DerCursor, content: Uint8Array): boolean {
  const [value] = content;
  if (content.length !== 1 || (value !== 0 && value !== 0xff)) throw cursor.notDer();
  return value === 0xff;
}

/**
 * Refuses the content of an INTEGER that has a needless octet.
 *
 * @param cursor that read it; makes the error
 * @param content as read
 */
export function requireInteger(cursor: DerCursor, content: Uint8Array): void {
  const [first, second = 0] = content;
  if (first === undefined) throw cursor.malformed();
  const isPadded = (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80);
  if (content.length > 1 && isPadded) throw cursor.notDer();
}

/**
 * Reads the content of a BIT STRING whose unused bits are zero, as DER wants them.
 *
 * @param cursor that read it; makes the error
 * @param content as read
 * @returns how many bits of the last octet are not used, and the octets
 */
export function readBits(
  cursor: DerCursor,
  content: Uint8Array,
): { readonly unused: number; readonly octets: Uint8Array } {
  const [unused] = content;
  const octets = content.subarray(1);
  if (unused === undefined || unused > 7 || (octets.length === 0 && unused > 0)) {
    throw cursor.malformed();
  }
  if (((octets.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0) throw cursor.notDer();
  return { unused, octets };
}

/** Identifiers in use have under 20 octets; one of a thousand would only be a load. */
const MAX_IDENTIFIER_OCTETS = 64;

/**
 * Refuses the content of an OBJECT IDENTIFIER that is empty, ends within a number, or has a needless octet.
 *
 * @param cursor that read it; makes the error
 * @param content as read
 */
export function requireIdentifier(cursor: DerCursor, content: Uint8Array): void {
  if (content.length > MAX_IDENTIFIER_OCTETS) throw cursor.malformed();
  let startsNumber = true;
  for (const octet of content) {
    if (startsNumber && octet === 0x80) throw cursor.notDer();
    startsNumber = octet < 0x80;
  }
  if (!startsNumber || content.length === 0) throw cursor.malformed();
}
