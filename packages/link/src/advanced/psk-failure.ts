import { TautlineError } from "@tautline/protocol";
import { nameTlsFailure } from "../tls-failure.ts";

/** How OpenSSL says, at either end, that a key was not the one: binder, finished message, and the alerts that tell the other end. */
const WRONG_KEY: ReadonlySet<string> = new Set([
  "ERR_SSL_BINDER_DOES_NOT_VERIFY",
  "ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR",
  // How OpenSSL itself, in stunnel for one, tells a dialler that its binder does not verify.
  "ERR_SSL_SSL/TLS_ALERT_ILLEGAL_PARAMETER",
  "ERR_SSL_CIPHER_OPERATION_FAILED",
  "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
  "ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC",
  "ERR_SSL_BAD_PSK_IDENTITY",
]);
/** No key that fits was offered, and this end has no certificate to go on with. */
const NO_KEY: ReadonlySet<string> = new Set([
  "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM",
  "ERR_SSL_NO_SHARED_CIPHER",
  "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
  "ERR_SSL_PSK_IDENTITY_NOT_FOUND",
]);

/**
 * Names why a handshake of the level `advanced` failed.
 *
 * @param error what Node or OpenSSL reported
 * @param detail `address`: the other end; `identity`: name of the key as far as it is known; `timeoutMs`: the limit that applied
 * @returns link.key_unproven, link.key_missing, or as `nameTlsFailure`
 */
export function namePskFailure(
  error: unknown,
  detail: {
    readonly address: string;
    readonly identity: string | undefined;
    readonly timeoutMs: number;
  },
): TautlineError {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  const { address, identity = "not named" } = detail;
  if (typeof code === "string" && WRONG_KEY.has(code)) {
    return new TautlineError("link.key_unproven", { cause: error, detail: { address, identity } });
  }
  if (typeof code === "string" && NO_KEY.has(code)) {
    return new TautlineError("link.key_missing", { cause: error, detail: { address } });
  }
  return nameTlsFailure(error, detail);
}
