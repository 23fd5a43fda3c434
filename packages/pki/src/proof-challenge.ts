import { fromBase64Url, isTautlineError } from "@tautline/protocol";

const CHALLENGE = /^Tautline-Proof nonce="([A-Za-z0-9_-]{43})"$/;

/**
 * Writes the value of `WWW-Authenticate` by which central gives a number to sign, where a link has nothing else to bind a proof to.
 *
 * @param nonce 32 bytes as base64url
 */
export function formatProofChallenge(nonce: string): string {
  return `Tautline-Proof nonce="${nonce}"`;
}

/**
 * Reads the number out of that value.
 *
 * @param header value of `WWW-Authenticate`
 * @returns 32 bytes; undefined for any other value
 */
export function readProofChallenge(header: string | undefined): Uint8Array | undefined {
  const [, nonce] = CHALLENGE.exec(header ?? "") ?? [];
  if (nonce === undefined) return undefined;
  try {
    return fromBase64Url(nonce);
  } catch (error) {
    if (isTautlineError(error)) return undefined;
    throw error;
  }
}
