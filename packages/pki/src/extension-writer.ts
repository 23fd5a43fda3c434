import { OctetString } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Extension,
  ExtendedKeyUsage,
  GeneralName,
  GeneralNames,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  NameConstraints,
  SubjectKeyIdentifier,
} from "@peculiar/asn1-x509";
import { encodeDer } from "./der.ts";
import type { AuthorityShape, LeafShape, ProfileShape } from "./profile-shape.ts";

const ALL_IP_RANGES = ["0.0.0.0/0", "::/0"];

/** The object identifier of each purpose (RFC 5280 section 4.2.1.12). */
export const PURPOSE_OIDS = { client: id_kp_clientAuth, server: id_kp_serverAuth } as const;

/**
 * Writes the extensions of a certificate (RFC 5280 section 4.2.1), those that limit marked critical.
 *
 * @param shape what the certificate is
 * @param keyId the identifier of its own key
 * @returns each extension in DER, without the authority key identifier
 */
export function writeExtensions(shape: ProfileShape, keyId: Uint8Array): ArrayBuffer[] {
  return [
    ...(shape.authority === undefined ? [] : writeAuthority(shape.authority)),
    ...(shape.leaf === undefined ? [] : writeLeaf(shape.leaf)),
    writeExtension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyId)),
  ];
}

/**
 * Writes the authority key identifier (RFC 5280 section 4.2.1.1).
 *
 * @param keyId the identifier of the issuer's key
 * @returns the extension in DER
 */
export function writeAuthorityKeyId(keyId: Uint8Array): ArrayBuffer {
  const value = new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyId) });
  return writeExtension(id_ce_authorityKeyIdentifier, value);
}

function writeAuthority(authority: AuthorityShape): ArrayBuffer[] {
  const basic = new BasicConstraints({ cA: true, pathLenConstraint: authority.pathLength });
  const usage = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;
  const always = [
    critical(id_ce_basicConstraints, basic),
    critical(id_ce_keyUsage, new KeyUsage(usage)),
  ];
  const limits = writeLimits(authority);
  return limits === undefined ? always : [...always, critical(id_ce_nameConstraints, limits)];
}

function writeLimits({ uriHost, urisOnly }: AuthorityShape): NameConstraints | undefined {
  if (uriHost === undefined) return undefined;
  const limits = new NameConstraints({
    permittedSubtrees: subtrees([new GeneralName({ uniformResourceIdentifier: uriHost })]),
  });
  if (urisOnly) {
    const ranges = ALL_IP_RANGES.map((iPAddress) => new GeneralName({ iPAddress }));
    limits.excludedSubtrees = subtrees([new GeneralName({ dNSName: "" }), ...ranges]);
  }
  return limits;
}

function writeLeaf(leaf: LeafShape): ArrayBuffer[] {
  const names = new GeneralNames([
    new GeneralName({ uniformResourceIdentifier: leaf.uri }),
    ...leaf.dnsNames.map((dNSName) => new GeneralName({ dNSName })),
    ...leaf.ipAddresses.map((iPAddress) => new GeneralName({ iPAddress })),
  ]);
  return [...LEAF_USES[leaf.purpose], writeExtension(id_ce_subjectAltName, names)];
}

/** The same in every leaf of a purpose, so encoded once. */
const LEAF_USES = { client: writeLeafUses("client"), server: writeLeafUses("server") };

function writeLeafUses(purpose: LeafShape["purpose"]): readonly ArrayBuffer[] {
  return [
    critical(id_ce_basicConstraints, new BasicConstraints()),
    critical(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature)),
    writeExtension(id_ce_extKeyUsage, new ExtendedKeyUsage([PURPOSE_OIDS[purpose]])),
  ];
}

function subtrees(bases: readonly GeneralName[]): GeneralSubtrees {
  return new GeneralSubtrees(bases.map((base) => new GeneralSubtree({ base })));
}

/**
 * Writes one extension (RFC 5280 section 4.2).
 *
 * @param extnID its object identifier in dotted form
 * @param value an instance of the ASN.1 library's class for it
 * @param isCritical whether who does not know it must refuse
 * @returns the extension in DER
 */
export function writeExtension(extnID: string, value: object, isCritical = false): ArrayBuffer {
  const extnValue = new OctetString(encodeDer(value));
  return encodeDer(new Extension({ extnID, critical: isCritical, extnValue }));
}

function critical(extnID: string, value: object): ArrayBuffer {
  return writeExtension(extnID, value, true);
}
