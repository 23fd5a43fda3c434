import type { TautlineError } from "@tautline/protocol";

const FIRST_MS = 1_000;
const LONGEST_MS = 15 * 60_000;
/** What is left of a life is long enough for so many tries, whatever its length. */
const TRIES_LEFT = 20;

/** How a renewal stands that has to be tried again. */
export interface RetryFacts {
  /** Tries made since the last step forward, from 1 on. */
  readonly tries: number;
  /** What is left of the identity in use, in milliseconds; an expired one is renewed by other means, and not hurried here. */
  readonly leftMs: number;
}

/**
 * Gives the wait before a renewal is tried again: twice as long each time, spread by half, and short enough for what is left.
 *
 * @param facts how it stands
 * @param random uniform in [0, 1)
 * @returns milliseconds
 */
export function retryWait({ tries, leftMs }: RetryFacts, random: () => number): number {
  const byLife = leftMs > 0 ? Math.max(FIRST_MS, leftMs / TRIES_LEFT) : LONGEST_MS;
  const middle = Math.min(FIRST_MS * 2 ** (tries - 1), byLife, LONGEST_MS);
  return Math.round(middle * (0.5 + random()));
}

/**
 * Tells whether central, and not the network or a moment's load, refused an identity.
 *
 * @param error how the first message of a link ended
 */
export function isRefusal({ code, detail }: TautlineError): boolean {
  if (code === "agent.refused") return true;
  const status = Number(detail["status"]);
  return code === "link.refused" && status >= 400 && status < 500 && status !== 429;
}

/**
 * Tells whether central takes a certificate for expired; its clock decides, so this host's own may see no reason.
 *
 * @param error how the first message of a link ended
 */
export function saysExpired({ detail }: TautlineError): boolean {
  return (
    detail["code"] === "admission.renew_only" || detail["code"] === "admission.certificate_expired"
  );
}
