import { timeAndDistance, toMs } from "../time-text.ts";
import type { Finding } from "./finding.ts";

const HOUR_MS = 3_600_000;
/** Leaves live 24 h and are renewed at half-life: with a quarter left, at least one renewal has failed. */
const LEAF_WARNING_MS = 6 * HOUR_MS;
const AUTHORITY_WARNING_MS = 30 * 24 * HOUR_MS;

/** One certificate as far as its end is concerned. */
export interface DatedCertificate {
  /** For people: whose it is and what for. */
  readonly name: string;
  readonly notAfter: unknown;
  /** Authorities live for years, leaves for a day. */
  readonly isAuthority: boolean;
  /** RFC 3339 or milliseconds, where known: short-lived leaves warn in their last quarter. */
  readonly notBefore?: unknown;
}

/**
 * Judges how near the end of a certificate is.
 *
 * @param certificate name and times
 * @param nowMs milliseconds since the epoch
 */
export function examineCertificate(
  certificate: DatedCertificate,
  nowMs: number,
): readonly Finding[] {
  const endMs = toMs(certificate.notAfter);
  if (endMs === undefined || endMs - nowMs > warningMs(certificate, endMs)) return [];
  const isOver = endMs <= nowMs;
  return [
    {
      severity: isOver ? "error" : "warning",
      what: `A certificate ${isOver ? "has expired" : "expires soon"}: ${timeAndDistance(endMs, nowMs)}`,
      where: certificate.name,
      why: "The other end refuses an expired certificate, so its links close and do not come back.",
      remedy: certificate.isAuthority
        ? "Renew the authority before it ends; every certificate below it ends with it."
        : "It should renew itself: see that central and agent run and that both clocks are right; else join the agent again.",
    },
  ];
}

function warningMs(certificate: DatedCertificate, endMs: number): number {
  if (certificate.isAuthority) return AUTHORITY_WARNING_MS;
  const startMs = toMs(certificate.notBefore);
  return startMs === undefined ? LEAF_WARNING_MS : Math.min(LEAF_WARNING_MS, (endMs - startMs) / 4);
}
