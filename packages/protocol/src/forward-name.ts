import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";

/** A DNS label (RFC 1123 section 2.1) in lower case. */
const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * Tells whether text can name a forward: a DNS label in lower case, at most 63 characters.
 *
 * @param text any text
 */
export function isForwardName(text: string): boolean {
  return text.length <= LIMITS.forwardNameCharacters.value && NAME.test(text);
}

/**
 * Reads the name of a forward; refuses and never normalises.
 *
 * @param text as `isForwardName` says
 * @throws value.forward_name
 */
export function parseForwardName(text: string): string {
  if (!isForwardName(text)) throw new TautlineError("value.forward_name", { detail: { text } });
  return text;
}
