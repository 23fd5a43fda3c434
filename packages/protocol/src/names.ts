import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";
import { isPrintable } from "./printable-text.ts";

/** A DNS label (RFC 1123 section 2.1) in lower case. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Tells whether text can name a namespace: a DNS label in lower case that starts with a letter, of at most 40 characters,
 * and no A-label of an internationalised name ("xn--"), which would be shown as other letters than it has.
 *
 * @param text any text
 */
export function isNamespace(text: string): boolean {
  return (
    text.length <= LIMITS.namespaceCharacters.value &&
    LABEL.test(text) &&
    /^[a-z]/.test(text) &&
    !text.startsWith("xn--")
  );
}

/**
 * Reads the name of a namespace; refuses and never normalises.
 *
 * @param text as `isNamespace` says
 * @throws value.namespace
 */
export function parseNamespace(text: string): string {
  if (!isNamespace(text)) throw new TautlineError("value.namespace", { detail: { text } });
  return text;
}

/**
 * Tells whether text can be a trust domain: a DNS name in lower case without a final dot, which leaves room for a namespace
 * before it. The last label has a letter, so that no IPv4 address passes: URI name constraints do not hold for addresses
 * (RFC 5280 section 4.2.1.10).
 *
 * @param text any text
 */
export function isTrustDomain(text: string): boolean {
  if (text.length > LIMITS.trustDomainCharacters.value) return false;
  const labels = text.split(".");
  return labels.every((label) => LABEL.test(label)) && /[a-z]/.test(labels.at(-1) ?? "");
}

/**
 * Reads a trust domain; refuses and never normalises.
 *
 * @param text as `isTrustDomain` says
 * @throws value.trust_domain
 */
export function parseTrustDomain(text: string): string {
  if (!isTrustDomain(text)) throw new TautlineError("value.trust_domain", { detail: { text } });
  return text;
}

/**
 * Tells whether text can be an agent's name: a label for people of 1 to 128 printable characters, neither starting nor
 * ending in a space. Never an identity (threat A3).
 *
 * @param text any text
 */
export function isAgentName(text: string): boolean {
  return text !== "" && isPrintable(text, LIMITS.agentNameCharacters.value) && text.trim() === text;
}

/**
 * Reads an agent's name; refuses and never normalises.
 *
 * @param text as `isAgentName` says
 * @throws value.agent_name
 */
export function parseAgentName(text: string): string {
  if (!isAgentName(text)) throw new TautlineError("value.agent_name", { detail: { text } });
  return text;
}
