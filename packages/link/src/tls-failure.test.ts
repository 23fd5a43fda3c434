import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, type ErrorCode } from "@tautline/protocol";
import { nameTlsFailure } from "./tls-failure.ts";

const DETAIL = { address: "central.test:9150", timeoutMs: 15_000 };

function nodeError(code: string, reason?: string): Error {
  return Object.assign(new Error(`${code} with a text nobody should rely on`), {
    code,
    ...(reason !== undefined && { reason }),
  });
}

test("every cause that Node reports has its own name", () => {
  const table: readonly [nodeCode: string, code: ErrorCode][] = [
    ["ECONNREFUSED", "link.unreachable"],
    ["EHOSTUNREACH", "link.unreachable"],
    ["ENETUNREACH", "link.unreachable"],
    ["ENOTFOUND", "link.unreachable"],
    ["EAI_AGAIN", "link.unreachable"],
    ["ETIMEDOUT", "link.unreachable"],
    ["ECONNRESET", "link.handshake_cut"],
    ["EPIPE", "link.handshake_cut"],
    ["ERR_TLS_HANDSHAKE_TIMEOUT", "link.timeout"],
    ["ERR_SSL_HTTP_REQUEST", "link.not_tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "link.not_tls"],
    ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "link.not_tls"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "link.tls_version"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "link.tls_version"],
    ["ERR_SSL_NO_SUITABLE_KEY_SHARE", "link.crypto_mismatch"],
    ["ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY", "link.level_refused"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "link.certificate_distrusted"],
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "link.certificate_distrusted"],
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN", "link.certificate_distrusted"],
    ["ERR_SOMETHING_NEW", "link.handshake_failed"],
  ];
  for (const [nodeCode, code] of table) {
    const cause = nodeError(nodeCode);
    const error = nameTlsFailure(cause, DETAIL);
    assert.equal(error.code, code, nodeCode);
    assert.equal(error.cause, cause);
    assert.match(error.message, /central\.test:9150/);
    assert.doesNotMatch(error.message, /\?/, "a placeholder was not filled");
    assert.doesNotMatch(error.remedy, /\?/);
  }
});

test("the reason is OpenSSL's word where there is one, else the code, else that it is unknown", () => {
  for (const [cause, reason] of [
    [nodeError("ERR_SSL_X", "no suitable key share"), "no suitable key share"],
    [nodeError("ERR_SSL_X"), "ERR_SSL_X"],
    [new Error("no code"), "unknown cause"],
    ["a thrown text", "unknown cause"],
  ] as const) {
    assert.equal(nameTlsFailure(cause, DETAIL).detail["reason"], reason);
  }
});

test("an error that has its name already keeps it", () => {
  const named = new TautlineError("link.cancelled", { detail: { address: "x" } });
  assert.equal(nameTlsFailure(named, DETAIL), named);
});
