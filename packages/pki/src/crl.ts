import type { KeyObject, X509Certificate } from "node:crypto";
import {
  AsnIntegerBigIntConverter,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes,
} from "@peculiar/asn1-schema";
import { id_ce_cRLNumber, KeyUsageFlags, Time, Version } from "@peculiar/asn1-x509";
import { encodeRevokedEntry, type RevokedEntry, wholeSeconds } from "./crl-entry.ts";
import { encodeDer } from "./der.ts";
import { EncodedDer } from "./encoded-der.ts";
import { writeExtension } from "./extension-writer.ts";
import { readAuthority, refusal } from "./issuing-authority.ts";
import { encodeAlgorithm, schemeForKey } from "./signature-scheme.ts";
import { encodeSigned } from "./signed-object.ts";

/** What every list needs. */
interface CrlFrame {
  readonly issuer: { readonly certificate: X509Certificate; readonly privateKey: KeyObject };
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Rises with every list of the issuer. */
  readonly number: number | bigint;
}

/** What `issueCrl` needs. */
export interface IssueCrlOptions extends CrlFrame {
  readonly revoked: readonly RevokedEntry[];
}

/** What `assembleCrl` needs. */
export interface AssembleCrlOptions extends CrlFrame {
  /** Each as `encodeRevokedEntry` gave it. */
  readonly entries: readonly Uint8Array[];
}

/** CRLNumber of RFC 5280 section 5.2.3, which may outgrow a JavaScript number. */
class CrlNumber {
  value = 0n;
}
AsnProp({ type: AsnPropTypes.Integer, converter: AsnIntegerBigIntConverter })(
  CrlNumber.prototype,
  "value",
);
AsnType({ type: AsnTypeTypes.Choice })(CrlNumber);

/** The whole of revokedCertificates: its entries one after the other, taken as if they were one. */
class EntryList {
  entries: EncodedDer[] = [];
}
AsnProp({ type: EncodedDer, repeated: "sequence" })(EntryList.prototype, "entries");
AsnType({ type: AsnTypeTypes.Choice })(EntryList);

/** TBSCertList of RFC 5280 section 5.1, for writing. */
class CrlContent {
  version: number = Version.v2;
  signature: EncodedDer = new EncodedDer();
  issuer: EncodedDer = new EncodedDer();
  thisUpdate: Time = new Time();
  nextUpdate: Time = new Time();
  /** Absent when nothing is revoked (RFC 5280 section 5.1.2.6). */
  revokedCertificates: EncodedDer | undefined;
  extensions: EncodedDer[] = [];
}
const content = CrlContent.prototype;
AsnProp({ type: AsnPropTypes.Integer })(content, "version");
AsnProp({ type: EncodedDer })(content, "signature");
AsnProp({ type: EncodedDer })(content, "issuer");
AsnProp({ type: Time })(content, "thisUpdate");
AsnProp({ type: Time })(content, "nextUpdate");
AsnProp({ type: EncodedDer, optional: true })(content, "revokedCertificates");
AsnProp({ type: EncodedDer, repeated: "sequence", context: 0 })(content, "extensions");
AsnType({ type: AsnTypeTypes.Sequence })(CrlContent);

/**
 * Issues a complete revocation list (RFC 5280 section 5) for what one authority issued. The work grows with the entries, about
 * 30 microseconds each: whoever has many encodes them a few at a time and calls `assembleCrl`.
 *
 * @param options issuer, entries, times and number
 * @returns the list in DER
 * @throws pki.issue_refused when the issuer may not sign lists, a serial is not hex, or the times do not follow each other
 */
export function issueCrl({ revoked, ...frame }: IssueCrlOptions): Buffer {
  return assembleCrl({ ...frame, entries: revoked.map(encodeRevokedEntry) });
}

/**
 * Issues a list of entries that are encoded already: they are put together, hashed and signed, a few milliseconds for 10,000.
 *
 * @param options issuer, entries, times and number
 * @returns the list in DER
 * @throws pki.issue_refused when the issuer may not sign lists or the times do not follow each other
 */
export function assembleCrl(options: AssembleCrlOptions): Buffer {
  const { issuer, entries } = options;
  const [thisUpdate, nextUpdate] = [options.thisUpdate, options.nextUpdate].map(wholeSeconds);
  const authority = readAuthority(issuer);
  if (((authority.facts.keyUsage ?? 0) & KeyUsageFlags.cRLSign) === 0) {
    throw refusal("the issuer may not sign revocation lists");
  }
  if (thisUpdate === undefined || nextUpdate === undefined || !(thisUpdate < nextUpdate)) {
    throw refusal("the list would end before it begins");
  }
  const list = new CrlContent();
  list.signature = new EncodedDer(encodeAlgorithm(schemeForKey(issuer.privateKey)));
  list.issuer = new EncodedDer(authority.facts.subjectDer);
  list.thisUpdate = new Time(thisUpdate);
  list.nextUpdate = new Time(nextUpdate);
  list.revokedCertificates = entries.length === 0 ? undefined : encodeSequence(entries);
  list.extensions = [authority.keyIdExtension, encodeNumber(options.number)].map(
    (each) => new EncodedDer(each),
  );
  return encodeSigned(encodeDer(list), issuer.privateKey);
}

/** SEQUENCE OF: one value for the library, which would otherwise make an object of every entry. */
function encodeSequence(entries: readonly Uint8Array[]): EncodedDer {
  const whole = new EntryList();
  whole.entries = [new EncodedDer(new Uint8Array(Buffer.concat(entries)).buffer)];
  return new EncodedDer(encodeDer(whole));
}

function encodeNumber(number: number | bigint): ArrayBuffer {
  const value = new CrlNumber();
  value.value = BigInt(number);
  if (value.value < 0n) throw refusal("the number of the revocation list is negative");
  return writeExtension(id_ce_cRLNumber, value);
}
