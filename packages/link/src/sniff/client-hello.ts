/** What matters of a TLS client's first message. */
export interface ClientHello {
  /**
   * It names an external key by the pre_shared_key extension (RFC 8446 section 4.2.11). Whoever keeps a session names it there too, by
   * bytes that were drawn at random: such a caller comes with certificates, and is given a new session.
   */
  readonly offersPsk: boolean;
  /** It knows TLS 1.3 (RFC 8446 section 4.2.1). */
  readonly knowsTls13: boolean;
  /** It offers a suite of TLS 1.2 with a pre-shared key and an ephemeral exchange that this product accepts. */
  readonly offersPskSuite: boolean;
}

/** What the bytes so far come to. */
export type ClientHelloReading =
  | { readonly kind: "more" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  | { readonly kind: "malformed"; readonly reason: string };

/** A hello with every post-quantum key share and a long list of names takes some 4 KiB; far more is none. */
export const MAX_CLIENT_HELLO_BYTES = 16_384;
const RECORD_HEAD_BYTES = 5;
const MAX_RECORD_BYTES = 16_384;
const HANDSHAKE_HEAD_BYTES = 4;
const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 1;
const VERSION_AND_RANDOM_BYTES = 34;
const TLS13 = 0x0304;
const SUPPORTED_VERSIONS = 43;
const PRE_SHARED_KEY = 41;
/** DHE-PSK-AES128-GCM-SHA256 and DHE-PSK-AES256-GCM-SHA384 (RFC 5487). */
const PSK_SUITES: ReadonlySet<number> = new Set([0x00aa, 0x00ab]);

/**
 * Reads a ClientHello (RFC 8446 section 4.1.2) from the first bytes of a connection, over as many records as it takes. It decides
 * nothing but where a connection goes; OpenSSL reads all of it again.
 *
 * @param bytes what came so far, from the first byte on
 */
export function readClientHello(bytes: Buffer): ClientHelloReading {
  const message = joinRecords(bytes);
  if (typeof message === "string") return malformed(message);
  if (message.length < HANDSHAKE_HEAD_BYTES) return { kind: "more" };
  if (message.readUInt8(0) !== CLIENT_HELLO) return malformed("it begins with another message");
  const length = message.readUIntBE(1, 3);
  if (length > MAX_CLIENT_HELLO_BYTES) return malformed(`it announces ${length} bytes`);
  const end = HANDSHAKE_HEAD_BYTES + length;
  return message.length < end
    ? { kind: "more" }
    : readBody(message.subarray(HANDSHAKE_HEAD_BYTES, end));
}

/** What the records hold, joined; or what is wrong with one. */
function joinRecords(bytes: Buffer): Buffer | string {
  const parts: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= RECORD_HEAD_BYTES) {
    if (bytes.readUInt8(at) !== HANDSHAKE_RECORD) return "a record is of another kind";
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD_BYTES) return `a record has ${length} bytes`;
    const end = at + RECORD_HEAD_BYTES + length;
    // Of a record that is not whole yet, what is there already counts: it can be all of the message.
    parts.push(bytes.subarray(at + RECORD_HEAD_BYTES, Math.min(end, bytes.length)));
    if (end > bytes.length) break;
    at = end;
  }
  return Buffer.concat(parts);
}

/** Walks over bytes that are counted by what they say themselves; never beyond their end. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Takes a number of `size` bytes; NaN beyond the end. */
  number(size: 1 | 2): number {
    const part = this.take(size);
    return part === undefined ? Number.NaN : part.readUIntBE(0, size);
  }

  /** Takes bytes behind their length of `size` bytes. */
  counted(size: 1 | 2): Buffer | undefined {
    const length = this.number(size);
    return Number.isNaN(length) ? undefined : this.take(length);
  }

  take(length: number): Buffer | undefined {
    const end = this.#at + length;
    if (end > this.#bytes.length) return undefined;
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}

function readBody(body: Buffer): ClientHelloReading {
  const cursor = new Cursor(body);
  const fixed = cursor.take(VERSION_AND_RANDOM_BYTES);
  const sessionId = cursor.counted(1);
  const suites = cursor.counted(2);
  const compression = cursor.counted(1);
  if (
    fixed === undefined ||
    sessionId === undefined ||
    suites === undefined ||
    compression === undefined
  ) {
    return malformed("it ends too early");
  }
  const offersPskSuite = numbersOf(suites).some((suite) => PSK_SUITES.has(suite));
  const extensions = cursor.isAtEnd ? Buffer.alloc(0) : cursor.counted(2);
  const found = extensions && readExtensions(extensions);
  if (found === undefined || !cursor.isAtEnd) return malformed("its extensions do not fit");
  return { kind: "hello", hello: { ...found, offersPskSuite } };
}

function readExtensions(bytes: Buffer): Pick<ClientHello, "offersPsk" | "knowsTls13"> | undefined {
  const cursor = new Cursor(bytes);
  let [offersPsk, knowsTls13] = [false, false];
  while (!cursor.isAtEnd) {
    const type = cursor.number(2);
    const content = cursor.counted(2);
    if (content === undefined) return undefined;
    if (type === PRE_SHARED_KEY) {
      const identities = readIdentities(content);
      if (identities === undefined) return undefined;
      offersPsk = identities.some((identity) => isName(identity));
    }
    if (type === SUPPORTED_VERSIONS) {
      const versions = new Cursor(content).counted(1);
      if (versions === undefined) return undefined;
      knowsTls13 = numbersOf(versions).includes(TLS13);
    }
  }
  return { offersPsk, knowsTls13 };
}

const AGE_BYTES = 4;

/** The identities of an OfferedPsks structure; undefined where it is none. */
function readIdentities(content: Buffer): readonly Buffer[] | undefined {
  const listed = new Cursor(content).counted(2);
  if (listed === undefined) return undefined;
  const identities: Buffer[] = [];
  const cursor = new Cursor(listed);
  while (!cursor.isAtEnd) {
    const identity = cursor.counted(2);
    if (identity === undefined || cursor.take(AGE_BYTES) === undefined) return undefined;
    identities.push(identity);
  }
  return identities;
}

/** OpenSSL's names of sessions are 32 random bytes, which are all printable once in 10^13 times; keys have names that people write. */
function isName(identity: Buffer): boolean {
  return identity.length > 0 && identity.every((byte) => byte >= 0x20 && byte <= 0x7e);
}

function numbersOf(bytes: Buffer): number[] {
  return Array.from({ length: Math.floor(bytes.length / 2) }, (_, index) =>
    bytes.readUInt16BE(2 * index),
  );
}

function malformed(reason: string): ClientHelloReading {
  return { kind: "malformed", reason };
}
