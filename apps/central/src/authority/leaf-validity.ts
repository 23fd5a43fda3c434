import type { X509Certificate } from "node:crypto";

const BACKDATE_MS = 5 * 60 * 1_000;

/**
 * Gives a leaf its life: from five minutes ago, for hosts whose clocks are behind, and never beyond its issuer's.
 *
 * @param nowMs milliseconds since the epoch
 * @param lifetimeMs life from now on, milliseconds
 * @param issuer the certificate that signs
 */
export function leafValidity(
  nowMs: number,
  lifetimeMs: number,
  issuer: Pick<X509Certificate, "validFromDate" | "validToDate">,
): { notBefore: Date; notAfter: Date } {
  const notBefore = Math.max(nowMs - BACKDATE_MS, issuer.validFromDate.getTime());
  const notAfter = Math.min(nowMs + lifetimeMs, issuer.validToDate.getTime());
  return { notBefore: wholeSeconds(notBefore), notAfter: wholeSeconds(notAfter) };
}

/** X.509 times have no fractions (RFC 5280 section 4.1.2.5). */
function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1_000) * 1_000);
}
