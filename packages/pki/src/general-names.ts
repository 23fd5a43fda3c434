import { TautlineError } from "@tautline/protocol";
import { type DerCursor, requireIdentifier } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { isAscii } from "./der-strings.ts";
import { readName } from "./distinguished-name.ts";
import type { CertifiedNames, NameLimits, NameSubtrees } from "./name-constraints.ts";
import { readIdentifier } from "./object-identifier.ts";

/** The forms of GeneralName (RFC 5280 section 4.2.1.6) by their tags. */
const FORM = {
  otherName: 0xa0,
  rfc822Name: 0x81,
  dnsName: 0x82,
  directoryName: 0xa4,
  uri: 0x86,
  ipAddress: 0x87,
  registeredId: 0x88,
} as const;

/** How the forms that are not judged are called to people. The other two, x400Address and ediPartyName, nobody uses: they are refused. */
const OTHER_FORMS: ReadonlyMap<number, string> = new Map([
  [FORM.otherName, "otherName"],
  [FORM.rfc822Name, "rfc822Name"],
  [FORM.directoryName, "directoryName"],
  [FORM.registeredId, "registeredID"],
]);

const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;
const MINIMUM = 0x80;
const MAXIMUM = 0x81;

/** Names by form: those that are judged, and the forms of the rest. */
interface SortedNames {
  readonly uris: string[];
  readonly dnsNames: string[];
  readonly ips: Uint8Array[];
  readonly otherForms: string[];
}

/**
 * Reads a list of at least one name, as in a subject alternative name, sorted by their forms.
 *
 * @param cursor stands before the list
 * @param tag of the list
 * @throws pki.certificate_malformed for an address that is neither 4 nor 16 bytes
 */
export function readNames(cursor: DerCursor, tag: number = TAG.sequence): CertifiedNames {
  const { uris, dnsNames, ips } = readGeneralNames(cursor, tag);
  requireLengths(ips, [4, 16]);
  return { uris, dnsNames, ipAddresses: ips };
}

function readGeneralNames(cursor: DerCursor, tag: number): SortedNames {
  const names = noNames();
  const outside = cursor.enter(tag);
  do readGeneralName(cursor, names);
  while (cursor.hasMore);
  cursor.leave(outside);
  return names;
}

/**
 * Reads name constraints (RFC 5280 section 4.2.1.10).
 *
 * @param cursor stands before them
 * @throws pki.certificate_malformed when they are empty, use minimum or maximum, or hold a range of another length
 */
export function readLimits(cursor: DerCursor): NameLimits {
  const outside = cursor.enter(TAG.sequence);
  if (!cursor.hasMore) throw malformed("its name constraints are empty");
  const permitted = cursor.isNext(PERMITTED) ? readSubtrees(cursor, PERMITTED) : NO_SUBTREES;
  const excluded = cursor.isNext(EXCLUDED) ? readSubtrees(cursor, EXCLUDED) : NO_SUBTREES;
  cursor.leave(outside);
  return { permitted, excluded };
}

const NO_SUBTREES: NameSubtrees = { uriHosts: [], dnsNames: [], ipRanges: [], otherForms: [] };

function readSubtrees(cursor: DerCursor, tag: number): NameSubtrees {
  const names = noNames();
  const outside = cursor.enter(tag);
  if (!cursor.hasMore) throw malformed("its name constraints are empty");
  while (cursor.hasMore) {
    const subtree = cursor.enter(TAG.sequence);
    readGeneralName(cursor, names);
    if (cursor.isNext(MINIMUM) || cursor.isNext(MAXIMUM)) {
      throw malformed("its name constraints have a minimum or a maximum");
    }
    cursor.leave(subtree);
  }
  cursor.leave(outside);
  const { uris, dnsNames, ips, otherForms } = names;
  requireLengths(ips, [8, 32]);
  if (!ips.every(hasWholeMask)) throw malformed("it has a range whose mask has gaps");
  return { uriHosts: uris, dnsNames, ipRanges: ips, otherForms };
}

function noNames(): SortedNames {
  return { uris: [], dnsNames: [], ips: [], otherForms: [] };
}

function readGeneralName(cursor: DerCursor, into: SortedNames): void {
  const form = cursor.peek();
  switch (form) {
    case FORM.uri:
      into.uris.push(readAscii(cursor, form));
      return;
    case FORM.dnsName:
      into.dnsNames.push(readAscii(cursor, form));
      return;
    case FORM.ipAddress:
      into.ips.push(Uint8Array.from(cursor.read(form)));
      return;
    default:
  }
  const name = OTHER_FORMS.get(form);
  if (name === undefined) throw cursor.malformed();
  readOtherForm(cursor, form);
  into.otherForms.push(name);
}

function readOtherForm(cursor: DerCursor, form: number): void {
  switch (form) {
    case FORM.rfc822Name:
      readAscii(cursor, form);
      break;
    case FORM.registeredId:
      requireIdentifier(cursor, cursor.read(form));
      break;
    case FORM.directoryName:
      within(cursor, form, () => readName(cursor));
      break;
    case FORM.otherName:
      within(cursor, form, () => {
        readIdentifier(cursor);
        within(cursor, 0xa0, () => cursor.skip());
      });
      break;
    default:
      throw cursor.malformed();
  }
}

function within(cursor: DerCursor, tag: number, read: () => void): void {
  const outside = cursor.enter(tag);
  read();
  cursor.leave(outside);
}

function readAscii(cursor: DerCursor, tag: number): string {
  const content = cursor.read(tag);
  if (!isAscii(content)) throw cursor.malformed();
  return Buffer.from(content.buffer, content.byteOffset, content.length).toString("latin1");
}

function requireLengths(ips: readonly Uint8Array[], lengths: readonly number[]): void {
  if (!ips.every((each) => lengths.includes(each.length))) {
    throw malformed("it has an IP address of a wrong length");
  }
}

/** A mask is ones and then zeros (RFC 4632): the bits after the first zero say nothing that a reader would expect. */
function hasWholeMask(range: Uint8Array): boolean {
  const mask = range.subarray(range.length / 2);
  const bits = Array.from(mask, (octet) => octet.toString(2).padStart(8, "0")).join("");
  return !bits.includes("01");
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.certificate_malformed", { detail: { reason } });
}
