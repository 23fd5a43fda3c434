import { fromBase64Url, toBase64Url } from "./bytes.ts";
import { TautlineError } from "./error.ts";

/** What every token of a telemetry client starts with, so that scanners find one that was committed or pasted somewhere. */
export const CLIENT_TOKEN_PREFIX = "tautline-rx.";

/** What the token of a telemetry client says: which one it is, and that its holder was given it. */
export interface ClientToken {
  /** 16 lower-case hexadecimal characters; no secret. */
  readonly id: string;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

const ID = /^[0-9a-f]{16}$/;
const TOKEN = /^tautline-rx\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;
const SECRET_BYTES = 32;

/**
 * Writes the token of a telemetry client: `tautline-rx.<id>.<secret in base64url>`, 72 characters that stand in a header, a variable
 * and a settings file alike (SW-13).
 *
 * @param token its parts
 * @throws value.client_token
 */
export function formatClientToken({ id, secret }: ClientToken): string {
  if (!ID.test(id) || secret.length !== SECRET_BYTES) {
    throw new TautlineError("value.client_token");
  }
  return `${CLIENT_TOKEN_PREFIX}${id}.${toBase64Url(secret)}`;
}

/**
 * Reads the token of a telemetry client: one text for one token, nothing around it.
 *
 * @param text a caller's claim
 * @returns undefined when it is none; join tokens and operators' tokens are none (A7)
 */
export function parseClientToken(text: string): ClientToken | undefined {
  const [, id, encoded] = TOKEN.exec(text) ?? [];
  if (id === undefined || encoded === undefined) return undefined;
  try {
    return { id, secret: fromBase64Url(encoded) };
  } catch {
    // Bits beyond the last byte: another text of the same secret.
    return undefined;
  }
}
