import { CertificationRequestInfo } from "@peculiar/asn1-csr";
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  type Extension,
  ExtendedKeyUsage,
  type GeneralName,
  GeneralNames,
  type GeneralSubtree,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  NameConstraints,
  SubjectKeyIdentifier,
  type Time,
  Version,
} from "@peculiar/asn1-x509";
import type { CertificateContent } from "./certificate-reader.ts";
import { decodeDer, encodeDer } from "./der.ts";
import { isKnownExtension } from "./extension-names.ts";
import type { ExtensionFacts } from "./extension-reader.ts";
import { ipBytes } from "./ip-address.ts";
import type { CertifiedNames, NameLimits, NameSubtrees } from "./name-constraints.ts";
import { canonicalSerial } from "./serial.ts";
import { decodeSigned } from "./signed-object.ts";

/**
 * The second opinion: certificates and requests read by the general ASN.1 library and written again to compare, as Tautline read
 * them before it had a reader of its own. It shares no code with that reader.
 */
export function readByLibrary(der: Uint8Array): CertificateContent {
  const { tbsCertificate: content, signatureAlgorithm } = decodeDer(der, Certificate, READING);
  if (content.version !== Version.v3) throw new Error("not of version 3");
  const algorithm = bytes(encodeDer(signatureAlgorithm));
  if (!algorithm.equals(bytes(encodeDer(content.signature)))) throw new Error("two algorithms");
  return {
    serial: readSerial(content.serialNumber),
    issuer: bytes(encodeDer(content.issuer)),
    subject: bytes(encodeDer(content.subject)),
    notBefore: timeOf(content.validity.notBefore),
    notAfter: timeOf(content.validity.notAfter),
    spki: bytes(encodeDer(content.subjectPublicKeyInfo)),
    algorithm,
    ...readExtensions(content.extensions ?? []),
  };
}

/** What a request says. */
export interface LibraryRequest {
  readonly subjectParts: number;
  readonly attributes: number;
  readonly spki: Buffer;
}

export function readRequestByLibrary(der: Uint8Array): LibraryRequest {
  const { toBeSigned } = decodeSigned(der, READING);
  const info = decodeDer(toBeSigned, CertificationRequestInfo, READING);
  if (info.version !== 0) throw new Error("not of version 1");
  return {
    subjectParts: info.subject.length,
    attributes: info.attributes.length,
    spki: bytes(encodeDer(info.subjectPKInfo)),
  };
}

const READING = { code: "pki.certificate_malformed", what: "it" } as const;
const NO_NAMES: CertifiedNames = { uris: [], dnsNames: [], ipAddresses: [] };

function readSerial(content: ArrayBuffer): string {
  const serial = bytes(content);
  const hex = canonicalSerial(serial.toString("hex"));
  if ((serial[0] ?? 0x80) >= 0x80 || hex === "00" || hex.length > 40) throw new Error("serial");
  return hex;
}

function timeOf(time: Time): Date {
  return new Date(time.getTime());
}

function readExtensions(extensions: readonly Extension[]): ExtensionFacts {
  const byId = new Map(extensions.map((each) => [each.extnID, each]));
  if (byId.size !== extensions.length) throw new Error("an extension twice");
  const read = <T extends object>(oid: string, type: new () => T): T | undefined => {
    const extension = byId.get(oid);
    return extension === undefined
      ? undefined
      : decodeDer(extension.extnValue.buffer, type, READING);
  };
  const constraints = read(id_ce_basicConstraints, BasicConstraints);
  const purposes = read(id_ce_extKeyUsage, ExtendedKeyUsage);
  const names = read(id_ce_subjectAltName, GeneralNames);
  const limits = read(id_ce_nameConstraints, NameConstraints);
  const issuerKey = read(id_ce_authorityKeyIdentifier, AuthorityKeyIdentifier);
  return {
    isAuthority: constraints?.cA ?? false,
    pathLength: readPathLength(constraints),
    keyUsage: read(id_ce_keyUsage, KeyUsage)?.toNumber(),
    purposes: purposes === undefined ? undefined : Array.from(purposes),
    names: names === undefined ? NO_NAMES : readNames(names),
    limits: limits === undefined ? undefined : readLimits(limits),
    keyId: toHex(read(id_ce_subjectKeyIdentifier, SubjectKeyIdentifier)?.buffer),
    authorityKeyId: toHex(issuerKey?.keyIdentifier?.buffer),
    unknownCritical: extensions.find((each) => each.critical && !isKnownExtension(each.extnID))
      ?.extnID,
  };
}

function readPathLength(constraints: BasicConstraints | undefined): number | undefined {
  const length: unknown = constraints?.pathLenConstraint;
  if (length === undefined) return undefined;
  if (constraints?.cA === true && typeof length === "number" && length >= 0) return length;
  throw new Error("path length");
}

function readNames(names: readonly GeneralName[]): CertifiedNames {
  const { uris, dnsNames, ips } = sortNames(names, [4, 16]);
  return { uris, dnsNames, ipAddresses: ips };
}

function readLimits(constraints: NameConstraints): NameLimits {
  const { permittedSubtrees: permitted = [], excludedSubtrees: excluded = [] } = constraints;
  if (permitted.length + excluded.length === 0) throw new Error("empty limits");
  return { permitted: readSubtrees(permitted), excluded: readSubtrees(excluded) };
}

function readSubtrees(subtrees: readonly GeneralSubtree[]): NameSubtrees {
  const whole = subtrees.every((each) => each.minimum === 0 && each.maximum === undefined);
  if (!whole) throw new Error("minimum or maximum");
  const bases = subtrees.map((each) => each.base);
  const { uris, dnsNames, ips, otherForms } = sortNames(bases, [8, 32]);
  return { uriHosts: uris, dnsNames, ipRanges: ips, otherForms };
}

interface SortedNames {
  readonly uris: string[];
  readonly dnsNames: string[];
  readonly ips: Uint8Array[];
  readonly otherForms: string[];
}

function sortNames(names: readonly GeneralName[], ipLengths: readonly number[]): SortedNames {
  const sorted: SortedNames = { uris: [], dnsNames: [], ips: [], otherForms: [] };
  for (const name of names) {
    const [form] = Object.entries(name).find(([, value]) => value !== undefined) ?? [];
    if (name.uniformResourceIdentifier !== undefined)
      sorted.uris.push(name.uniformResourceIdentifier);
    else if (name.dNSName !== undefined) sorted.dnsNames.push(name.dNSName);
    else if (name.iPAddress !== undefined)
      sorted.ips.push(ipBytes(name.iPAddress) ?? new Uint8Array());
    else sorted.otherForms.push(form ?? "an unknown form");
  }
  if (sorted.ips.every((each) => ipLengths.includes(each.length))) return sorted;
  throw new Error("an address of a wrong length");
}

function bytes(buffer: ArrayBuffer): Buffer {
  return Buffer.from(new Uint8Array(buffer));
}

function toHex(buffer: ArrayBuffer | undefined): string | undefined {
  return buffer === undefined ? undefined : bytes(buffer).toString("hex");
}
