import {
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
} from "@peculiar/asn1-x509";

const NAMES: ReadonlyMap<string, string> = new Map([
  [id_ce_authorityKeyIdentifier, "authorityKeyIdentifier"],
  [id_ce_basicConstraints, "basicConstraints (to be an authority)"],
  [id_ce_extKeyUsage, "extendedKeyUsage"],
  [id_ce_keyUsage, "keyUsage"],
  [id_ce_nameConstraints, "nameConstraints"],
  [id_ce_subjectAltName, "subjectAltName (names of its own choice)"],
  [id_ce_subjectKeyIdentifier, "subjectKeyIdentifier"],
]);

/**
 * Names an extension for people.
 *
 * @param oid its object identifier in dotted form
 * @returns the name of RFC 5280 section 4.2, or the identifier itself
 */
export function describeExtension(oid: string): string {
  return NAMES.get(oid) ?? oid;
}

/**
 * Tells whether `verifyChain` understands an extension, and so may accept it as critical (RFC 5280 section 4.2).
 *
 * @param oid its object identifier in dotted form
 */
export function isKnownExtension(oid: string): boolean {
  return NAMES.has(oid);
}
