import { createHash, createPublicKey, type KeyObject, type X509Certificate } from "node:crypto";
import type { CertificateFacts } from "./certificate-facts.ts";
import { writeCertificate } from "./certificate-writer.ts";
import { writeExtensions } from "./extension-writer.ts";
import { ipBytes, namesIpAddress } from "./ip-address.ts";
import {
  type IssuingAuthority,
  type Issuer,
  readAuthority,
  refusal,
  refuseBeyondAuthority,
} from "./issuing-authority.ts";
import { refuseWeakKey } from "./key-strength.ts";
import { encodeSpki } from "./keys.ts";
import type { CertifiedNames } from "./name-constraints.ts";
import type { CertificateProfile } from "./profile.ts";
import { describeProfile, type LeafShape } from "./profile-shape.ts";
import { checkSerial } from "./serial.ts";
import { encodeSubject } from "./subject-name.ts";

/** What `issueCertificate` needs. */
export interface IssueOptions {
  readonly profile: CertificateProfile;
  /** The key to certify. */
  readonly publicKey: KeyObject;
  /** "self" for a root, signed by `selfKey`. */
  readonly issuer: Issuer | "self";
  readonly selfKey?: KeyObject;
  /** Both are cut to whole seconds and to the issuer's own validity. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** 16 bytes as `createSerial` makes them. */
  readonly serial: Uint8Array;
}

const LABEL_CHARACTERS = 8;

/**
 * Issues a certificate: names, uses and limits follow from the profile alone, the validity never reaches outside the issuer's.
 *
 * @param options the profile, the key to certify, who signs, validity and serial
 * @returns the certificate; its record takes serial and validity from it
 * @throws pki.issue_refused, pki.key_not_accepted, pki.certificate_malformed (the issuer's), value.trust_domain, value.namespace,
 *   value.spiffe_id
 */
export function issueCertificate(options: IssueOptions): X509Certificate {
  const { profile, publicKey, serial } = options;
  checkSerial(serial);
  refuseWeakKey(publicKey);
  const key = encodeSpki(publicKey);
  const keyId = createHash("sha256").update(key).digest();
  const shape = describeProfile(profile, keyId.toString("hex").slice(0, LABEL_CHARACTERS));
  const subject = encodeSubject(shape);
  const authority = readIssuer(options);
  if (authority !== undefined) {
    const names = namesOf(shape.leaf);
    refuseBeyondAuthority(authority, { isAuthority: shape.authority !== undefined, names });
  }
  const certificate = writeCertificate({
    subject,
    key,
    issuer: authority?.facts.subjectDer ?? subject,
    signingKey: authority?.privateKey ?? readRootKey(options),
    ...limitValidity(options, authority?.facts),
    serial,
    extensions: [
      ...writeExtensions(shape, keyId),
      ...(authority === undefined ? [] : [authority.keyIdExtension]),
    ],
  });
  refuseOtherReading(certificate, shape.leaf);
  return certificate;
}

function readIssuer({ profile, issuer }: IssueOptions): IssuingAuthority | undefined {
  if ((profile.kind === "root") !== (issuer === "self")) {
    throw refusal("a root signs itself, and nothing else does");
  }
  return issuer === "self" ? undefined : readAuthority(issuer);
}

function readRootKey({ selfKey, publicKey }: IssueOptions): KeyObject {
  if (selfKey === undefined || !createPublicKey(selfKey).equals(publicKey)) {
    throw refusal("a root is signed by its own key");
  }
  return selfKey;
}

function limitValidity(
  wanted: { readonly notBefore: Date; readonly notAfter: Date },
  authority: CertificateFacts | undefined,
): { readonly notBefore: Date; readonly notAfter: Date } {
  const from = Math.max(wanted.notBefore.getTime(), authority?.notBefore.getTime() ?? -Infinity);
  const to = Math.min(wanted.notAfter.getTime(), authority?.notAfter.getTime() ?? Infinity);
  // Asked this way round, an invalid date is refused too.
  if (!(from < to)) throw refusal("no time is left between its beginning and its end");
  return { notBefore: new Date(from), notAfter: new Date(to) };
}

function namesOf(leaf: LeafShape | undefined): CertifiedNames {
  return {
    uris: leaf?.uri === undefined ? [] : [leaf.uri],
    dnsNames: leaf?.dnsNames ?? [],
    ipAddresses: leaf?.ipAddresses.map(parseAddress) ?? [],
  };
}

function parseAddress(text: string): Uint8Array {
  const bytes = ipBytes(text);
  if (bytes === undefined || text.includes("/")) throw refusal(`'${text}' is not an IP address`);
  return bytes;
}

/** OpenSSL reads the addresses back: an address that it reads as another one would certify a stranger. */
function refuseOtherReading(certificate: X509Certificate, leaf: LeafShape | undefined): void {
  const odd = leaf?.ipAddresses.find((each) => !namesIpAddress(certificate, each));
  if (odd !== undefined) throw refusal(`'${odd}' is not an IP address`);
}
