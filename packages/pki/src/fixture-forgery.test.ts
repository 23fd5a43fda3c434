import type { KeyObject, X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Extension } from "@peculiar/asn1-x509";
import type { Authority } from "./authority.ts";
import { readFacts } from "./certificate-facts.ts";
import { writeCertificate } from "./certificate-writer.ts";
import { writeAuthorityKeyId, writeExtensions } from "./extension-writer.ts";
import { AGENT_SPIFFE_ID, freshSerial, hoursLater } from "./fixture-fleet.test.ts";
import { createKeyPair, encodeSpki, type KeyPair, spkiPin } from "./keys.ts";
import type { AuthorityShape, LeafShape } from "./profile-shape.ts";
import { encodeSubject } from "./subject-name.ts";

/** A certificate that no honest authority would issue, and the key in it. */
export interface Forgery extends Authority {
  readonly publicKey: KeyObject;
}

export interface ForgeryOptions {
  readonly issuer: Authority;
  /** A leaf for the default agent as client, unless some of it is given. */
  readonly leaf?: Partial<LeafShape>;
  /** An authority instead of a leaf. */
  readonly authority?: AuthorityShape;
  readonly commonName?: string;
  readonly keys?: KeyPair;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly serial?: Uint8Array;
  /** Object identifiers of extensions to leave out. */
  readonly without?: readonly string[];
  /** Further extensions in DER. */
  readonly extra?: readonly ArrayBuffer[];
}

const HONEST_LEAF: LeafShape = {
  purpose: "client",
  uri: AGENT_SPIFFE_ID,
  dnsNames: [],
  ipAddresses: [],
};

/** Writes any certificate, as somebody with a stolen key would. */
export function forge(options: ForgeryOptions): Forgery {
  const { issuer, commonName = "Forgery", without = [], extra = [] } = options;
  const { publicKey, privateKey } = options.keys ?? createKeyPair("p256");
  const kind =
    options.authority === undefined
      ? { leaf: { ...HONEST_LEAF, ...options.leaf } }
      : { authority: options.authority };
  const shape = { commonName, ...kind };
  const extensions = writeExtensions(shape, spkiPin(publicKey)).filter(
    (each) => !without.includes(AsnConvert.parse(each, Extension).extnID),
  );
  const certificate = writeCertificate({
    subject: encodeSubject(shape),
    key: Uint8Array.from(encodeSpki(publicKey)).buffer,
    issuer: readFacts(issuer.certificate).subjectDer,
    signingKey: issuer.privateKey,
    notBefore: options.notBefore ?? hoursLater(0),
    notAfter: options.notAfter ?? hoursLater(24),
    serial: options.serial ?? freshSerial(),
    extensions: [...extensions, ...extra, writeAuthorityKeyId(spkiPin(issuer.privateKey))],
  });
  return { certificate, privateKey, publicKey };
}

/** Makes a root without limits, below which any chain can hang. */
export function forgeRoot(anyAuthority: Authority): Forgery {
  const keys = createKeyPair("p256");
  const wide = { keys, authority: { pathLength: 9, urisOnly: false }, commonName: "Wide root" };
  const unsigned = forge({ issuer: anyAuthority, ...wide });
  return forge({ issuer: unsigned, ...wide });
}

/** Turns one byte of a certificate over, counted from its end: there stands the signature. */
export function bendSignature(certificate: X509Certificate): Buffer {
  const der = Buffer.from(certificate.raw);
  const last = der.length - 1;
  der[last] = (der[last] ?? 0) ^ 1;
  return der;
}
