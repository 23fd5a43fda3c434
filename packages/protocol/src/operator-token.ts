import { fromBase64Url, toBase64Url } from "./bytes.ts";
import { TautlineError } from "./error.ts";

/** What every operator's token starts with, so that scanners find one that was committed or pasted somewhere. */
export const OPERATOR_TOKEN_PREFIX = "tautline-op.";

/** What an operator's token says: which one it is, and that its holder was given it. */
export interface OperatorToken {
  /** 16 lower-case hexadecimal characters; no secret. */
  readonly id: string;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

const ID = /^[0-9a-f]{16}$/;
const TOKEN = /^tautline-op\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;
const SECRET_BYTES = 32;

/**
 * Writes an operator's token: `tautline-op.<id>.<secret in base64url>`, 72 characters.
 *
 * @param token its parts
 * @throws value.operator_token
 */
export function formatOperatorToken({ id, secret }: OperatorToken): string {
  if (!ID.test(id) || secret.length !== SECRET_BYTES) {
    throw new TautlineError("value.operator_token");
  }
  return `${OPERATOR_TOKEN_PREFIX}${id}.${toBase64Url(secret)}`;
}

/**
 * Reads an operator's token: one text for one token, nothing around it.
 *
 * @param text a caller's claim
 * @returns undefined when it is none; join tokens and their credentials are none (A7)
 */
export function parseOperatorToken(text: string): OperatorToken | undefined {
  const [, id, encoded] = TOKEN.exec(text) ?? [];
  if (id === undefined || encoded === undefined) return undefined;
  try {
    return { id, secret: fromBase64Url(encoded) };
  } catch {
    // Bits beyond the last byte: another text of the same secret.
    return undefined;
  }
}
