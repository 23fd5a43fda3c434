import { type SecretToken, secretTokenForm } from "./secret-token.ts";

/** What every token of a telemetry client starts with, so that scanners find one that was committed or pasted somewhere. */
export const CLIENT_TOKEN_PREFIX = "tautline-rx.";

/** The parts of a telemetry client's token. */
export type ClientToken = SecretToken;

const form = secretTokenForm(CLIENT_TOKEN_PREFIX, "value.client_token");

/**
 * Writes the token of a telemetry client: `tautline-rx.<id>.<secret in base64url>`, 72 characters (SW-13).
 *
 * @param token its parts
 * @throws value.client_token
 */
export function formatClientToken(token: ClientToken): string {
  return form.format(token);
}

/**
 * Reads the token of a telemetry client: one text for one token, nothing around it.
 *
 * @param text a caller's claim
 * @returns undefined when it is none; join tokens and operators' tokens are none (A7)
 */
export function parseClientToken(text: string): ClientToken | undefined {
  return form.parse(text);
}
