import { type KeyObject, X509Certificate } from "node:crypto";
import {
  AsnIntegerArrayBufferConverter,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes,
} from "@peculiar/asn1-schema";
import { Validity, Version } from "@peculiar/asn1-x509";
import { encodeDer } from "./der.ts";
import { EncodedDer } from "./encoded-der.ts";
import { encodePositive } from "./serial.ts";
import { encodeAlgorithm, schemeForKey } from "./signature-scheme.ts";
import { encodeSigned } from "./signed-object.ts";

/** Every part of a certificate, decided by the caller; those of type ArrayBuffer in DER. */
export interface CertificateParts {
  readonly subject: ArrayBuffer;
  readonly key: ArrayBuffer;
  readonly issuer: ArrayBuffer;
  readonly signingKey: KeyObject;
  /** Whole seconds are written; the rest is cut off. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serial: Uint8Array;
  /** One Extension (RFC 5280 section 4.1) each. */
  readonly extensions: readonly ArrayBuffer[];
}

/** TBSCertificate of RFC 5280 section 4.1, for writing. */
class CertificateContent {
  version: number = Version.v3;
  serialNumber: ArrayBuffer = new ArrayBuffer(0);
  signature: EncodedDer = new EncodedDer();
  issuer: EncodedDer = new EncodedDer();
  validity: Validity = new Validity();
  subject: EncodedDer = new EncodedDer();
  key: EncodedDer = new EncodedDer();
  extensions: EncodedDer[] = [];
}
const integer = { type: AsnPropTypes.Integer };
const encoded = { type: EncodedDer };
const content = CertificateContent.prototype;
AsnProp({ ...integer, context: 0 })(content, "version");
AsnProp({ ...integer, converter: AsnIntegerArrayBufferConverter })(content, "serialNumber");
AsnProp(encoded)(content, "signature");
AsnProp(encoded)(content, "issuer");
AsnProp({ type: Validity })(content, "validity");
AsnProp(encoded)(content, "subject");
AsnProp(encoded)(content, "key");
AsnProp({ ...encoded, repeated: "sequence", context: 3 })(content, "extensions");
AsnType({ type: AsnTypeTypes.Sequence })(CertificateContent);

/**
 * Writes and signs a certificate of version 3 (RFC 5280 section 4.1) without asking whether it should exist; `issueCertificate`
 * asks.
 *
 * @param parts every part
 */
export function writeCertificate(parts: CertificateParts): X509Certificate {
  const content = new CertificateContent();
  content.serialNumber = encodePositive(parts.serial);
  content.signature = new EncodedDer(encodeAlgorithm(schemeForKey(parts.signingKey)));
  content.issuer = new EncodedDer(parts.issuer);
  // UTCTime up to 2049 and GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5), chosen by the library.
  content.validity = new Validity({ notBefore: parts.notBefore, notAfter: parts.notAfter });
  content.subject = new EncodedDer(parts.subject);
  content.key = new EncodedDer(parts.key);
  content.extensions = parts.extensions.map((each) => new EncodedDer(each));
  return new X509Certificate(encodeSigned(encodeDer(content), parts.signingKey));
}
