import { TautlineError, isTautlineError } from "@tautline/protocol";

/** What the first bytes were, where they were no TLS record at all. */
const NOT_TLS: ReadonlySet<string> = new Set([
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_HTTPS_PROXY_REQUEST",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_DATA_LENGTH_TOO_LONG",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_BAD_RECORD_TYPE",
]);

const NO_COMMON_VERSION: ReadonlySet<string> = new Set([
  "ERR_SSL_UNSUPPORTED_PROTOCOL",
  "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
  "ERR_SSL_VERSION_TOO_LOW",
]);

/** RFC 8446 section 6.2: the alert is that of "an acceptable set of security parameters" which could not be negotiated. */
const NO_COMMON_CRYPTO: ReadonlySet<string> = new Set([
  "ERR_SSL_NO_SUITABLE_KEY_SHARE",
  "ERR_SSL_NO_SUITABLE_GROUPS",
  "ERR_SSL_NO_SHARED_CIPHER",
  "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
]);

/** How a listener says that it will not have this level at all (`refuseInKind`). */
const NOT_ACCEPTED = "ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY";

/** Alerts about the certificate that this end showed (RFC 8446 section 6.2), as OpenSSL names them. */
const DISTRUSTED: ReadonlySet<string> = new Set([
  "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
  "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE",
  "ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE",
  "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED",
  "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED",
  "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN",
]);

const CUT: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ERR_SSL_UNEXPECTED_EOF_WHILE_READING",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

const UNREACHABLE: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing listens there"],
  ["EHOSTUNREACH", "there is no way to that host"],
  ["ENETUNREACH", "there is no way to that network"],
  ["ENOTFOUND", "the name is not known"],
  ["EAI_AGAIN", "the name server does not answer"],
  ["ETIMEDOUT", "the connection was not answered"],
  ["EADDRNOTAVAIL", "the address cannot be dialled from this host"],
  ["EACCES", "this host's rules forbid the connection"],
  ["EPERM", "this host's rules forbid the connection"],
]);

/**
 * Says for people why no connection came about.
 *
 * @param code of Node's error, such as ECONNREFUSED
 * @returns undefined where the code is of something else
 */
export function unreachableReason(code: string): string | undefined {
  return UNREACHABLE.get(code);
}

/**
 * Names why a connection or TLS handshake failed.
 *
 * @param error what Node or OpenSSL reported
 * @param detail `address`: the other end, for people; `timeoutMs`: the limit that applied
 * @returns one of link.not_tls, link.tls_version, link.crypto_mismatch, link.level_refused, link.timeout, link.handshake_cut, link.unreachable,
 * link.certificate_distrusted, link.handshake_failed, or the error itself where it is ours already
 */
export function nameTlsFailure(
  error: unknown,
  detail: { readonly address: string; readonly timeoutMs: number },
): TautlineError {
  if (isTautlineError(error)) {
    return error;
  }
  const code = textOf(error, "code") ?? "";
  const { address, timeoutMs } = detail;
  if (NOT_TLS.has(code)) {
    return new TautlineError("link.not_tls", { detail: { address }, cause: error });
  }
  if (NO_COMMON_VERSION.has(code)) {
    return new TautlineError("link.tls_version", { detail: { address }, cause: error });
  }
  if (NO_COMMON_CRYPTO.has(code)) {
    return new TautlineError("link.crypto_mismatch", { detail: { address }, cause: error });
  }
  if (code === NOT_ACCEPTED) {
    const said = {
      code: "insufficient_security",
      text: "it says so by an alert of TLS, which has no room for a reason.",
      remedy: `'tautline doctor --to ${address}' lists what it accepts: change the level at this end, or let the other end accept it.`,
    };
    return new TautlineError("link.level_refused", { cause: error, detail: { address, ...said } });
  }
  if (code === "ERR_TLS_HANDSHAKE_TIMEOUT") {
    return new TautlineError("link.timeout", { detail: { address, timeoutMs }, cause: error });
  }
  if (CUT.has(code)) {
    return new TautlineError("link.handshake_cut", { detail: { address }, cause: error });
  }
  const unreachable = unreachableReason(code);
  if (unreachable !== undefined) {
    return new TautlineError("link.unreachable", {
      detail: { address, reason: unreachable },
      cause: error,
    });
  }
  const reason = textOf(error, "reason") ?? (code === "" ? "unknown cause" : code);
  if (DISTRUSTED.has(code)) {
    return new TautlineError("link.certificate_distrusted", {
      detail: { address, reason },
      cause: error,
    });
  }
  return new TautlineError("link.handshake_failed", { detail: { address, reason }, cause: error });
}

function textOf(error: unknown, name: "code" | "reason"): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : undefined;
}
