import { isPrintable, TautlineError } from "@tautline/protocol";
import { type Allowance, type Claim, CLAIM_LIMITS } from "./claim.ts";

/**
 * Finds the claims that may not be made: whoever has several lists (a client that comes over an agent's link) is held to each of them, and
 * whoever has none may claim nothing. Pure.
 *
 * @param claims of a message
 * @param allowances that hold for its sender
 * @returns those that are not allowed
 */
export function claimsBeyond(
  claims: readonly Claim[],
  allowances: readonly Allowance[],
): readonly Claim[] {
  if (allowances.length === 0) return claims;
  return claims.filter((claim) => !allowances.every((each) => allows(each, claim)));
}

/**
 * Tells whether a list allows a claim.
 *
 * @param allowance names of services and instances; no instances: any
 * @param claim of a message
 */
export function allows({ services, instances }: Allowance, { kind, text }: Claim): boolean {
  if (kind === "service") return services.some((pattern) => covers(pattern, text));
  return instances.length === 0 || instances.some((pattern) => covers(pattern, text));
}

function covers(pattern: string, text: string): boolean {
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/**
 * Reads a list of what may be claimed.
 *
 * @param names exact, or with a star at the end for all that begin so
 * @returns each once, in order
 * @throws value.claimed_name
 */
export function parseAllowed(names: readonly string[]): readonly string[] {
  if (names.length > CLAIM_LIMITS.listed) {
    throw refused(String(names.length), `a list has at most ${CLAIM_LIMITS.listed}`);
  }
  return [...new Set(names.map(parseName))].toSorted();
}

function parseName(text: string): string {
  const { listedCharacters: most } = CLAIM_LIMITS;
  if (text === "") throw refused(text, "it is empty");
  if (text.length > most)
    throw refused(text.slice(0, most), `it is longer than ${most} characters`);
  if (!isPrintable(text, most) || text.trim() !== text) {
    throw refused(text, "it has what cannot be seen, or a blank at an end");
  }
  if (text.slice(0, -1).includes("*")) throw refused(text, "a star stands at its end alone");
  return text;
}

function refused(text: string, reason: string): TautlineError {
  return new TautlineError("value.claimed_name", { detail: { text, reason } });
}
