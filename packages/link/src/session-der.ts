import { TautlineError } from "@tautline/protocol";

/** What a TLS session says about the handshake it came from. */
export interface SessionFacts {
  /** IANA number of the key-exchange group (TLS Supported Groups registry); `undefined` where the session does not hold it. */
  readonly group: number | undefined;
  /** TLS 1.2 pre-shared key identity. */
  readonly pskIdentity: Buffer | undefined;
  /** Whether the other end showed a certificate. */
  readonly hasPeerCertificate: boolean;
  /** RFC 7627, TLS 1.2. */
  readonly extendedMasterSecret: boolean;
}

/** Groups by IANA number, under the names OpenSSL takes and Tautline shows. */
const GROUP_NAMES: ReadonlyMap<number, string> = new Map([
  [0x0017, "P-256"],
  [0x0018, "P-384"],
  [0x0019, "P-521"],
  [0x001d, "X25519"],
  [0x001e, "X448"],
  [0x0100, "ffdhe2048"],
  [0x0101, "ffdhe3072"],
  [0x0102, "ffdhe4096"],
  [0x0103, "ffdhe6144"],
  [0x0104, "ffdhe8192"],
  [0x0200, "MLKEM512"],
  [0x0201, "MLKEM768"],
  [0x0202, "MLKEM1024"],
  [0x11eb, "SecP256r1MLKEM768"],
  [0x11ec, "X25519MLKEM768"],
  [0x11ed, "SecP384r1MLKEM1024"],
]);

/** A session holds at most one certificate (OpenSSL takes 100 KiB of them), a ticket and a few numbers. */
const LONGEST_SESSION_BYTES = 256 * 1024;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const SEQUENCE = 0x30;
/** Explicit, constructed, context-specific tags; all of OpenSSL's are below 31, so one byte each. */
const CONTEXT = 0xa0;
const PEER_CERTIFICATE = 3;
const PSK_IDENTITY = 8;
const FLAGS = 13;
const GROUP = 19;
const FLAG_EXTENDED_MASTER_SECRET = 1;

/**
 * Reads the DER of `tlsSocket.getSession()`: OpenSSL's SSL_SESSION, a SEQUENCE of version, protocol, cipher, session id and
 * secret, then optional fields by rising context tag; [3] peer certificate, [8] PSK identity, [13] flags, [19] group.
 *
 * This is the only place where a *server* can learn the key-exchange group. The bytes hold the session's secret: wipe them after.
 *
 * @param der at most 256 KiB
 * @throws link.session_unreadable for anything that is not exactly such a structure
 */
export function readSession(der: Uint8Array): SessionFacts {
  if (der.length > LONGEST_SESSION_BYTES) {
    throw unreadable(`it is longer than ${LONGEST_SESSION_BYTES} bytes`);
  }
  const outer = readElement(der, 0);
  if (outer.tag !== SEQUENCE || outer.end !== der.length) {
    throw unreadable("it is not one sequence");
  }
  const fields = readFields(outer.content);
  return {
    group: readGroup(fields.get(GROUP)),
    pskIdentity: readInner(fields.get(PSK_IDENTITY), OCTET_STRING),
    hasPeerCertificate: readInner(fields.get(PEER_CERTIFICATE), SEQUENCE) !== undefined,
    extendedMasterSecret: (readNumber(fields.get(FLAGS)) & FLAG_EXTENDED_MASTER_SECRET) !== 0,
  };
}

/**
 * Names a key-exchange group.
 *
 * @param group IANA number, or `undefined`
 * @returns its name, or `undefined` for one that is not known here: never a guess
 */
export function groupName(group: number | undefined): string | undefined {
  return group === undefined ? undefined : GROUP_NAMES.get(group);
}

const OPENSSL_NAMES: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "P-256"],
  ["secp384r1", "P-384"],
  ["secp521r1", "P-521"],
]);

/**
 * Gives the one name Tautline shows for a group that OpenSSL named.
 *
 * @param name as in `tlsSocket.getEphemeralKeyInfo()`
 * @returns the name, or `undefined` for a group that is not known here
 */
export function canonicalGroupName(name: string): string | undefined {
  const known = OPENSSL_NAMES.get(name) ?? name;
  return [...GROUP_NAMES.values()].find((each) => each === known);
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Offset behind it, in what it was read from. */
  readonly end: number;
}

/** The five elements that every session starts with, then the optional ones by tag. */
function readFields(content: Uint8Array): ReadonlyMap<number, Uint8Array> {
  let offset = 0;
  for (const expected of [INTEGER, INTEGER, OCTET_STRING, OCTET_STRING, OCTET_STRING]) {
    const element = readElement(content, offset);
    if (element.tag !== expected) {
      throw unreadable("it does not start as a session does");
    }
    offset = element.end;
  }
  const fields = new Map<number, Uint8Array>();
  let last = -1;
  while (offset < content.length) {
    const element = readElement(content, offset);
    const field = element.tag - CONTEXT;
    if (field <= last || field >= 0x1f) {
      throw unreadable("its fields are not in rising order");
    }
    fields.set(field, element.content);
    last = field;
    offset = element.end;
  }
  return fields;
}

/** Reads one DER element (X.690 section 8.1 and 10.1): low tag number, definite length in its shortest form. */
function readElement(bytes: Uint8Array, offset: number): Element {
  const tag = byteAt(bytes, offset);
  const first = byteAt(bytes, offset + 1);
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first - 0x80;
    if (count < 1 || count > 3) {
      throw unreadable("a length is not of the DER form");
    }
    length = 0;
    for (let index = 0; index < count; index += 1) {
      length = length * 256 + byteAt(bytes, start + index);
    }
    start += count;
    if (length < 0x80 || length < 256 ** (count - 1)) {
      throw unreadable("a length is not of the shortest form");
    }
  }
  const end = start + length;
  if (end > bytes.length) {
    throw unreadable("it ends too early");
  }
  return { tag, content: bytes.subarray(start, end), end };
}

/** What stands inside an explicit tag: exactly one element of the type expected. */
function readInner(field: Uint8Array | undefined, tag: number): Buffer | undefined {
  if (field === undefined) {
    return undefined;
  }
  const element = readElement(field, 0);
  if (element.tag !== tag || element.end !== field.length) {
    throw unreadable("a field is not of its type");
  }
  return Buffer.from(element.content);
}

function readNumber(field: Uint8Array | undefined): number {
  const bytes = readInner(field, INTEGER) ?? Buffer.alloc(1);
  if (bytes.length < 1 || bytes.length > 5) {
    throw unreadable("a number is out of range");
  }
  return bytes.readIntBE(0, bytes.length);
}

/** OpenSSL writes 0 where no group took part, as with finite-field DHE in TLS 1.2. */
function readGroup(field: Uint8Array | undefined): number | undefined {
  const group = readNumber(field);
  if (group < 0 || group > 0xffff) {
    throw unreadable("the group is out of range");
  }
  return group === 0 ? undefined : group;
}

function byteAt(bytes: Uint8Array, offset: number): number {
  const byte = bytes[offset];
  if (byte === undefined) {
    throw unreadable("it ends too early");
  }
  return byte;
}

function unreadable(reason: string): TautlineError {
  return new TautlineError("link.session_unreadable", { detail: { reason } });
}
