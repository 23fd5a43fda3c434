import {
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
} from "@peculiar/asn1-x509";
import { TautlineError } from "@tautline/protocol";
import { DerCursor, readBits, readBoolean, requireInteger } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { isKnownExtension } from "./extension-names.ts";
import { readLimits, readNames } from "./general-names.ts";
import type { CertifiedNames, NameLimits } from "./name-constraints.ts";
import { readIdentifier } from "./object-identifier.ts";

/** What the extensions of a certificate say (RFC 5280 section 4.2.1). */
export interface ExtensionFacts {
  /** The CA bit. */
  readonly isAuthority: boolean;
  /** How many authorities may stand below; undefined is no limit. */
  readonly pathLength: number | undefined;
  /** Bits of KeyUsageFlags; undefined when the extension is absent. */
  readonly keyUsage: number | undefined;
  /** Object identifiers of the extended key usage; undefined when the extension is absent. */
  readonly purposes: readonly string[] | undefined;
  readonly names: CertifiedNames;
  readonly limits: NameLimits | undefined;
  /** Subject and authority key identifiers, as hex. */
  readonly keyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  /** The first critical extension that is not understood here. */
  readonly unknownCritical: string | undefined;
}

type Mutable<Facts> = { -readonly [Name in keyof Facts]: Facts[Name] };

const NO_EXTENSIONS: ExtensionFacts = {
  isAuthority: false,
  pathLength: undefined,
  keyUsage: undefined,
  purposes: undefined,
  names: { uris: [], dnsNames: [], ipAddresses: [] },
  limits: undefined,
  keyId: undefined,
  authorityKeyId: undefined,
  unknownCritical: undefined,
};

/**
 * Reads the extensions of a certificate without judging them.
 *
 * @param cursor stands before the list; undefined for a certificate that has none
 * @throws pki.certificate_malformed for one that is not of its form or stands twice
 */
export function readExtensions(cursor: DerCursor | undefined): ExtensionFacts {
  if (cursor === undefined) return NO_EXTENSIONS;
  const facts: Mutable<ExtensionFacts> = { ...NO_EXTENSIONS };
  const seen = new Set<string>();
  for (const { oid, isCritical, value } of readExtensionList(cursor)) {
    if (seen.has(oid)) throw malformed("an extension stands in it twice");
    seen.add(oid);
    if (isCritical && !isKnownExtension(oid)) facts.unknownCritical ??= oid;
    const read = READERS.get(oid);
    if (read === undefined) continue;
    const what = `the extension ${oid}`;
    const inside = new DerCursor(value, { code: "pki.certificate_malformed", what });
    read(inside, facts);
    inside.finish();
  }
  return facts;
}

/** One extension as it stands in a list; the value is DER of its own, not yet looked at. */
export interface ListedExtension {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

/**
 * Reads a list of at least one extension (RFC 5280 section 4.1), one after another.
 *
 * @param cursor stands before the list; makes the errors
 */
export function readExtensionList(cursor: DerCursor): ListedExtension[] {
  const listed: ListedExtension[] = [];
  const outside = cursor.enter(TAG.sequence);
  do {
    const extension = cursor.enter(TAG.sequence);
    const oid = readIdentifier(cursor);
    const isCritical = cursor.isNext(TAG.boolean) && readTrue(cursor);
    const value = cursor.read(TAG.octetString);
    cursor.leave(extension);
    listed.push({ oid, isCritical, value });
  } while (cursor.hasMore);
  cursor.leave(outside);
  return listed;
}

type ReadValue = (cursor: DerCursor, into: Mutable<ExtensionFacts>) => void;

const READERS: ReadonlyMap<string, ReadValue> = new Map<string, ReadValue>([
  [id_ce_basicConstraints, readBasicConstraints],
  [id_ce_keyUsage, (cursor, into) => (into.keyUsage = readKeyUsage(cursor))],
  [id_ce_extKeyUsage, (cursor, into) => (into.purposes = readPurposes(cursor))],
  [id_ce_subjectAltName, (cursor, into) => (into.names = readNames(cursor))],
  [id_ce_nameConstraints, (cursor, into) => (into.limits = readLimits(cursor))],
  [
    id_ce_subjectKeyIdentifier,
    (cursor, into) => (into.keyId = toHex(cursor.read(TAG.octetString))),
  ],
  [id_ce_authorityKeyIdentifier, (cursor, into) => (into.authorityKeyId = readIssuerKey(cursor))],
]);

/** False is the default of every BOOLEAN read here, and DER leaves a default out. */
function readTrue(cursor: DerCursor): true {
  if (!readBoolean(cursor, cursor.read(TAG.boolean))) throw cursor.notDer();
  return true;
}

const MAX_PATH_LENGTH_OCTETS = 4;

function readBasicConstraints(cursor: DerCursor, into: Mutable<ExtensionFacts>): void {
  const outside = cursor.enter(TAG.sequence);
  into.isAuthority = cursor.isNext(TAG.boolean) && readTrue(cursor);
  if (cursor.hasMore) {
    const content = cursor.read(TAG.integer);
    requireInteger(cursor, content);
    const isNegative = (content[0] ?? 0) >= 0x80;
    if (!into.isAuthority || isNegative || content.length > MAX_PATH_LENGTH_OCTETS) {
      throw malformed("its path length is not one");
    }
    into.pathLength = content.reduce((value, octet) => value * 256 + octet, 0);
  }
  cursor.leave(outside);
}

const BITS_PER_OCTET = 8;
/** KeyUsage has nine bits. */
const MAX_KEY_USAGE_OCTETS = 2;

/** A list of named bits ends with the last that is set (X.690 section 11.2.2). */
function readKeyUsage(cursor: DerCursor): number {
  const { unused, octets } = readBits(cursor, cursor.read(TAG.bitString));
  if (octets.length > MAX_KEY_USAGE_OCTETS) throw cursor.malformed();
  let usage = 0;
  for (const [index, octet] of octets.entries()) {
    for (let bit = 0; bit < BITS_PER_OCTET; bit += 1) {
      if ((octet & (0x80 >> bit)) !== 0) usage |= 1 << (index * BITS_PER_OCTET + bit);
    }
  }
  const last = octets.at(-1);
  if (last !== undefined && ((last >> unused) & 1) === 0) throw cursor.notDer();
  return usage;
}

function readPurposes(cursor: DerCursor): string[] {
  const purposes: string[] = [];
  const outside = cursor.enter(TAG.sequence);
  do purposes.push(readIdentifier(cursor));
  while (cursor.hasMore);
  cursor.leave(outside);
  return purposes;
}

const KEY_ID = 0x80;
const ISSUER_NAMES = 0xa1;
const ISSUER_SERIAL = 0x82;

function readIssuerKey(cursor: DerCursor): string | undefined {
  const outside = cursor.enter(TAG.sequence);
  const keyId = cursor.isNext(KEY_ID) ? toHex(cursor.read(KEY_ID)) : undefined;
  if (cursor.isNext(ISSUER_NAMES)) readNames(cursor, ISSUER_NAMES);
  if (cursor.isNext(ISSUER_SERIAL)) requireInteger(cursor, cursor.read(ISSUER_SERIAL));
  cursor.leave(outside);
  return keyId;
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.certificate_malformed", { detail: { reason } });
}
