import { fromBase64Url, toBase64Url } from "./bytes.ts";
import { TautlineError } from "./error.ts";
import type { ErrorCode } from "./error-catalogue.ts";

/** What a token says: which one it is, and that its holder was given it. */
export interface SecretToken {
  /** 16 lower-case hexadecimal characters; no secret. */
  readonly id: string;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

/** How tokens of one kind are written and read. */
export interface SecretTokenForm {
  /** @throws the form's code */
  format(token: SecretToken): string;
  /** Gives undefined for everything but one whole text of one token of this kind. */
  parse(text: string): SecretToken | undefined;
}

const ID = /^[0-9a-f]{16}$/;
const REST = /^([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/;
const SECRET_BYTES = 32;

/**
 * Makes the form of one kind of token: `<prefix><id>.<secret in base64url>`, which stands in a header, a variable and a settings file alike.
 *
 * @param prefix with its final dot; one kind never reads as another (A7)
 * @param code of the error for what cannot be written
 */
export function secretTokenForm(prefix: string, code: ErrorCode): SecretTokenForm {
  return {
    format: ({ id, secret }) => {
      if (!ID.test(id) || secret.length !== SECRET_BYTES) throw new TautlineError(code);
      return `${prefix}${id}.${toBase64Url(secret)}`;
    },
    parse: (text) => {
      const [, id, encoded] = text.startsWith(prefix)
        ? (REST.exec(text.slice(prefix.length)) ?? [])
        : [];
      if (id === undefined || encoded === undefined) return undefined;
      try {
        return { id, secret: fromBase64Url(encoded) };
      } catch {
        // Bits beyond the last byte: another text of the same secret.
        return undefined;
      }
    },
  };
}
