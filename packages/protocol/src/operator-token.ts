import { type SecretToken, secretTokenForm } from "./secret-token.ts";

/** What every operator's token starts with, so that scanners find one that was committed or pasted somewhere. */
export const OPERATOR_TOKEN_PREFIX = "tautline-op.";

/** The parts of an operator's token. */
export type OperatorToken = SecretToken;

const form = secretTokenForm(OPERATOR_TOKEN_PREFIX, "value.operator_token");

/**
 * Writes an operator's token: `tautline-op.<id>.<secret in base64url>`, 72 characters.
 *
 * @param token its parts
 * @throws value.operator_token
 */
export function formatOperatorToken(token: OperatorToken): string {
  return form.format(token);
}

/**
 * Reads an operator's token: one text for one token, nothing around it.
 *
 * @param text a caller's claim
 * @returns undefined when it is none; join tokens and their credentials are none (A7)
 */
export function parseOperatorToken(text: string): OperatorToken | undefined {
  return form.parse(text);
}
