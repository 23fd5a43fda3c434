import { OctetString } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Extension,
  ExtendedKeyUsage,
  GeneralName,
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
} from "@peculiar/asn1-x509";
import { TautlineError } from "@tautline/protocol";
import { encodeDer } from "./der.ts";
import { TAG } from "./der-tags.ts";
import { writeDer, writeIdentifier } from "./der-writer.ts";
import { ipBytes } from "./ip-address.ts";
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
export function writeExtensions(
  shape: ProfileShape,
  keyId: Uint8Array,
): (ArrayBuffer | Uint8Array)[] {
  return [
    ...(shape.authority === undefined ? [] : writeAuthority(shape.authority)),
    ...(shape.leaf === undefined ? [] : writeLeaf(shape.leaf)),
    encodeExtension(SUBJECT_KEY_ID, writeDer(TAG.octetString, keyId)),
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

/** The tags of GeneralName (RFC 5280 section 4.2.1.6) for the forms that are issued. */
const NAME = { dns: 0x82, uri: 0x86, ip: 0x87 } as const;

function writeLeaf(leaf: LeafShape): (ArrayBuffer | Uint8Array)[] {
  const names = writeDer(
    TAG.sequence,
    ...(leaf.uri === undefined ? [] : [writeDer(NAME.uri, Buffer.from(leaf.uri, "latin1"))]),
    ...leaf.dnsNames.map((each) => writeDer(NAME.dns, Buffer.from(each, "latin1"))),
    ...leaf.ipAddresses.map((each) => writeDer(NAME.ip, addressBytes(each))),
  );
  return [...LEAF_USES[leaf.purpose], encodeExtension(SUBJECT_ALT_NAME, names)];
}

function addressBytes(text: string): Uint8Array {
  const bytes = ipBytes(text);
  if (bytes !== undefined) return bytes;
  const reason = `'${text}' is not an IP address`;
  throw new TautlineError("pki.issue_refused", { detail: { reason } });
}

const SUBJECT_KEY_ID = writeIdentifier(id_ce_subjectKeyIdentifier);
const SUBJECT_ALT_NAME = writeIdentifier(id_ce_subjectAltName);

/** One extension that is not critical, of a value in DER; what every leaf needs takes this short way. */
function encodeExtension(identifier: Uint8Array, value: Uint8Array): Buffer {
  return writeDer(TAG.sequence, identifier, writeDer(TAG.octetString, value));
}

/** The same in every leaf of a purpose, so encoded once. */
const LEAF_USES = {
  client: writeLeafUses("client"),
  server: writeLeafUses("server"),
  both: writeLeafUses("server", "client"),
};

function writeLeafUses(
  ...purposes: readonly (keyof typeof PURPOSE_OIDS)[]
): readonly ArrayBuffer[] {
  return [
    critical(id_ce_basicConstraints, new BasicConstraints()),
    critical(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature)),
    writeExtension(
      id_ce_extKeyUsage,
      new ExtendedKeyUsage(purposes.map((purpose) => PURPOSE_OIDS[purpose])),
    ),
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
