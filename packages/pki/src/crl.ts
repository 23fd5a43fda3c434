import type { KeyObject, X509Certificate } from "node:crypto";
import {
  AsnIntegerArrayBufferConverter,
  AsnIntegerBigIntConverter,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes,
} from "@peculiar/asn1-schema";
import { id_ce_cRLNumber, KeyUsageFlags, Time, Version } from "@peculiar/asn1-x509";
import { encodeDer } from "./der.ts";
import { EncodedDer } from "./encoded-der.ts";
import { writeExtension } from "./extension-writer.ts";
import { readAuthority, refusal } from "./issuing-authority.ts";
import { encodePositive, parseSerial } from "./serial.ts";
import { encodeAlgorithm, schemeForKey } from "./signature-scheme.ts";
import { encodeSigned } from "./signed-object.ts";

/** One revoked certificate in a list. */
export interface RevokedEntry {
  /** Hex as `serialOf` gives it. */
  readonly serial: string;
  readonly at: Date;
}

/** What `issueCrl` needs. */
export interface IssueCrlOptions {
  readonly issuer: { readonly certificate: X509Certificate; readonly privateKey: KeyObject };
  readonly revoked: readonly RevokedEntry[];
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Rises with every list of the issuer. */
  readonly number: number | bigint;
}

/** An entry of revokedCertificates, for writing. */
class EntryContent {
  userCertificate: ArrayBuffer = new ArrayBuffer(0);
  revocationDate: Time = new Time();
}
AsnProp({ type: AsnPropTypes.Integer, converter: AsnIntegerArrayBufferConverter })(
  EntryContent.prototype,
  "userCertificate",
);
AsnProp({ type: Time })(EntryContent.prototype, "revocationDate");
AsnType({ type: AsnTypeTypes.Sequence })(EntryContent);

/** CRLNumber of RFC 5280 section 5.2.3, which may outgrow a JavaScript number. */
class CrlNumber {
  value = 0n;
}
AsnProp({ type: AsnPropTypes.Integer, converter: AsnIntegerBigIntConverter })(
  CrlNumber.prototype,
  "value",
);
AsnType({ type: AsnTypeTypes.Choice })(CrlNumber);

/** TBSCertList of RFC 5280 section 5.1, for writing. */
class CrlContent {
  version: number = Version.v2;
  signature: EncodedDer = new EncodedDer();
  issuer: EncodedDer = new EncodedDer();
  thisUpdate: Time = new Time();
  nextUpdate: Time = new Time();
  /** Absent when nothing is revoked (RFC 5280 section 5.1.2.6). */
  revokedCertificates: EntryContent[] | undefined;
  extensions: EncodedDer[] = [];
}
const content = CrlContent.prototype;
AsnProp({ type: AsnPropTypes.Integer })(content, "version");
AsnProp({ type: EncodedDer })(content, "signature");
AsnProp({ type: EncodedDer })(content, "issuer");
AsnProp({ type: Time })(content, "thisUpdate");
AsnProp({ type: Time })(content, "nextUpdate");
AsnProp({ type: EntryContent, repeated: "sequence", optional: true })(
  content,
  "revokedCertificates",
);
AsnProp({ type: EncodedDer, repeated: "sequence", context: 0 })(content, "extensions");
AsnType({ type: AsnTypeTypes.Sequence })(CrlContent);

/**
 * Issues a complete revocation list (RFC 5280 section 5) for what one authority issued. The work grows with the entries, about
 * 25 microseconds each: for lists of many thousands call it in a worker.
 *
 * @param options issuer, entries, times and number
 * @returns the list in DER
 * @throws pki.issue_refused when the issuer may not sign lists, a serial is not hex, or the times do not follow each other
 */
export function issueCrl(options: IssueCrlOptions): Buffer {
  const { issuer, revoked, thisUpdate, nextUpdate } = options;
  const authority = readAuthority(issuer);
  if (((authority.facts.keyUsage ?? 0) & KeyUsageFlags.cRLSign) === 0) {
    throw refusal("the issuer may not sign revocation lists");
  }
  if (!(thisUpdate < nextUpdate)) throw refusal("the list would end before it begins");
  const list = new CrlContent();
  list.signature = new EncodedDer(encodeAlgorithm(schemeForKey(issuer.privateKey)));
  list.issuer = new EncodedDer(authority.facts.subjectDer);
  list.thisUpdate = new Time(thisUpdate);
  list.nextUpdate = new Time(nextUpdate);
  list.revokedCertificates = revoked.length === 0 ? undefined : revoked.map(toEntry);
  list.extensions = [authority.keyIdExtension, encodeNumber(options.number)].map(
    (each) => new EncodedDer(each),
  );
  return encodeSigned(encodeDer(list), issuer.privateKey);
}

function toEntry({ serial, at }: RevokedEntry): EntryContent {
  const bytes = parseSerial(serial);
  if (bytes === undefined || Number.isNaN(at.getTime())) {
    throw refusal("an entry of the revocation list has no serial number in hex or no time");
  }
  const entry = new EntryContent();
  entry.userCertificate = encodePositive(bytes);
  entry.revocationDate = new Time(at);
  return entry;
}

function encodeNumber(number: number | bigint): ArrayBuffer {
  const value = new CrlNumber();
  value.value = BigInt(number);
  if (value.value < 0n) throw refusal("the number of the revocation list is negative");
  return writeExtension(id_ce_cRLNumber, value);
}
