import {
  AsnIntegerArrayBufferConverter,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes,
} from "@peculiar/asn1-schema";
import { CRLReason, CRLReasons, id_ce_cRLReasons, Time } from "@peculiar/asn1-x509";
import { encodeDer } from "./der.ts";
import { EncodedDer } from "./encoded-der.ts";
import { writeExtension } from "./extension-writer.ts";
import { refusal } from "./issuing-authority.ts";
import { encodePositive, parseSerial } from "./serial.ts";

/**
 * Why a certificate was revoked (RFC 5280 section 5.3.1). Holds are left out: what is revoked here stays revoked.
 */
export const REVOCATION_REASONS = [
  "unspecified",
  "keyCompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
  "privilegeWithdrawn",
] as const;

/** One of `REVOCATION_REASONS`. */
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

/** One revoked certificate in a list. */
export interface RevokedEntry {
  /** Hex as `serialOf` gives it. */
  readonly serial: string;
  readonly at: Date;
  /** `unspecified` is said by saying nothing, as RFC 5280 asks. */
  readonly reason?: RevocationReason;
}

/** An entry of revokedCertificates, for writing. */
class EntryContent {
  userCertificate: ArrayBuffer = new ArrayBuffer(0);
  revocationDate: Time = new Time();
  extensions: EncodedDer[] | undefined;
}
AsnProp({ type: AsnPropTypes.Integer, converter: AsnIntegerArrayBufferConverter })(
  EntryContent.prototype,
  "userCertificate",
);
AsnProp({ type: Time })(EntryContent.prototype, "revocationDate");
AsnProp({ type: EncodedDer, repeated: "sequence", optional: true })(
  EntryContent.prototype,
  "extensions",
);
AsnType({ type: AsnTypeTypes.Sequence })(EntryContent);

/**
 * Encodes one entry of a revocation list. An entry never changes, so whoever issues list after list keeps it: encoding takes far
 * longer than putting it into a list.
 *
 * @param entry serial, time and reason
 * @returns the entry in DER
 * @throws pki.issue_refused when the serial is not hex or the time is none
 */
export function encodeRevokedEntry({ serial, at, reason = "unspecified" }: RevokedEntry): Buffer {
  const bytes = parseSerial(serial);
  if (bytes === undefined || Number.isNaN(at.getTime())) {
    throw refusal("an entry of the revocation list has no serial number in hex or no time");
  }
  const entry = new EntryContent();
  entry.userCertificate = encodePositive(bytes);
  entry.revocationDate = new Time(wholeSeconds(at));
  const extension = reasonExtension(reason);
  entry.extensions = extension === undefined ? undefined : [extension];
  return Buffer.from(encodeDer(entry));
}

/**
 * Cuts a time to whole seconds: lists have no fractions of them (RFC 5280 section 4.1.2.5.2).
 *
 * @param time any time; an invalid one stays so
 */
export function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000);
}

const encodedReasons = new Map<RevocationReason, EncodedDer>();

function reasonExtension(reason: RevocationReason): EncodedDer | undefined {
  if (reason === "unspecified") return undefined;
  const before = encodedReasons.get(reason);
  if (before !== undefined) return before;
  const value = new CRLReason(CRLReasons[reason]);
  const extension = new EncodedDer(writeExtension(id_ce_cRLReasons, value));
  encodedReasons.set(reason, extension);
  return extension;
}
