import {
  AttributeTypeAndValue,
  AttributeValue,
  Name,
  RelativeDistinguishedName,
} from "@peculiar/asn1-x509";

const COMMON_NAME = "2.5.4.3";
const ORGANISATION = "2.5.4.10";
/** ub-common-name and ub-organization-name of RFC 5280 appendix A. */
const MAX_CHARACTERS = 64;

/** The parts of a subject that Tautline writes. They are labels for people; identity stands in the subject alternative name. */
export interface SubjectParts {
  readonly organisation?: string;
  readonly commonName?: string;
}

/**
 * Builds a distinguished name.
 *
 * @param parts each up to 64 characters, longer ones are cut; without parts the name is empty
 */
export function subjectName(parts: SubjectParts): Name {
  const fields: [string, string | undefined][] = [
    [ORGANISATION, parts.organisation],
    [COMMON_NAME, parts.commonName],
  ];
  const name = new Name();
  for (const [type, text] of fields) {
    if (text === undefined || text === "") continue;
    const value = new AttributeValue({ utf8String: text.slice(0, MAX_CHARACTERS) });
    name.push(new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value })]));
  }
  return name;
}

/**
 * Reads a distinguished name that consists of one common name and nothing else.
 *
 * @param name as read from DER
 * @returns the common name; "" for an empty name; undefined for every other name
 */
export function readLoneCommonName(name: Name): string | undefined {
  if (name.length === 0) return "";
  const [part, ...others] = name;
  const [attribute, ...siblings] = part ?? [];
  if (others.length > 0 || siblings.length > 0 || attribute?.type !== COMMON_NAME) return undefined;
  return attribute.value.utf8String ?? attribute.value.printableString;
}
