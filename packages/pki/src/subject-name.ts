import { TAG } from "./der-tags.ts";
import { writeDer, writeIdentifier } from "./der-writer.ts";

const COMMON_NAME = writeIdentifier("2.5.4.3");
const ORGANISATION = writeIdentifier("2.5.4.10");
/** ub-common-name and ub-organization-name of RFC 5280 appendix A. */
const MAX_CHARACTERS = 64;

/** The parts of a subject that Tautline writes. They are labels for people; identity stands in the subject alternative name. */
export interface SubjectParts {
  readonly organisation?: string;
  readonly commonName?: string;
}

/**
 * Writes a distinguished name (RFC 5280 section 4.1.2.4).
 *
 * @param parts each up to 64 characters, longer ones are cut; without parts the name is empty
 * @returns the name in DER
 */
export function encodeSubject({ organisation, commonName }: SubjectParts): Buffer {
  const parts = [...encodePart(ORGANISATION, organisation), ...encodePart(COMMON_NAME, commonName)];
  return writeDer(TAG.sequence, ...parts);
}

function encodePart(type: Uint8Array, text = ""): Buffer[] {
  if (text === "") return [];
  const value = writeDer(TAG.utf8String, Buffer.from(text.slice(0, MAX_CHARACTERS), "utf8"));
  return [writeDer(TAG.set, writeDer(TAG.sequence, type, value))];
}
