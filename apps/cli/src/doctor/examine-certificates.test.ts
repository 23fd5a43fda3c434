import assert from "node:assert/strict";
import { test } from "node:test";
import { examineCertificate } from "./examine-certificates.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("a leaf warns in its last quarter, at most six hours before its end; an authority thirty days", () => {
  const rows: readonly (readonly [
    string,
    number,
    number | undefined,
    boolean,
    string | undefined,
  ])[] = [
    ["fresh leaf", NOW + 24 * HOUR, NOW, false, undefined],
    ["leaf with just over six hours", NOW + 6 * HOUR + 1, NOW - 18 * HOUR, false, undefined],
    ["leaf with six hours", NOW + 6 * HOUR, NOW - 18 * HOUR, false, "warning"],
    ["short-lived leaf, half gone", NOW + HOUR, NOW - HOUR, false, undefined],
    ["short-lived leaf, last quarter", NOW + HOUR, NOW - 3 * HOUR, false, "warning"],
    ["leaf of unknown start", NOW + 5 * HOUR, undefined, false, "warning"],
    ["leaf at its end", NOW, NOW - DAY, false, "error"],
    ["authority with 31 days", NOW + 31 * DAY, undefined, true, undefined],
    ["authority with 30 days", NOW + 30 * DAY, undefined, true, "warning"],
    ["authority past its end", NOW - 1, undefined, true, "error"],
  ];
  for (const [name, notAfter, notBefore, isAuthority, severity] of rows) {
    const certificate = { name, notAfter, notBefore, isAuthority };
    assert.equal(examineCertificate(certificate, NOW)[0]?.severity, severity, name);
  }
});

test("the finding says when, in both ways", () => {
  const certificate = { name: "x", notAfter: "2026-11-22T09:00:00Z", isAuthority: false };
  const [finding] = examineCertificate(certificate, NOW);
  assert.equal(finding?.what, "A certificate has expired: 2026-11-22T09:00:00Z (1h ago)");
});

test("a certificate without a known end is no finding", () => {
  assert.deepEqual(examineCertificate({ name: "x", notAfter: null, isAuthority: false }, NOW), []);
});
