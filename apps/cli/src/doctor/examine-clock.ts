import { formatHostPort, parseHostPort } from "@tautline/link";
import { LIMITS } from "@tautline/protocol";
import type { Finding } from "./finding.ts";
import { readHttpWords } from "./http-words.ts";
import { httpRequest } from "./plaintext-attempt.ts";
import { attemptTls } from "./tls-attempt.ts";

const AGENTS_PORT = 9150;
const ATTEMPT_TIMEOUT_MS = 3000;
const WARNING_MS = 30_000;

/**
 * Compares this host's clock with that of the first central that answers.
 *
 * @param addresses host:port each, in the order an agent dials them
 * @param now milliseconds since the epoch
 */
export async function examineClock(
  addresses: readonly string[],
  now: () => number,
): Promise<readonly Finding[]> {
  for (const text of addresses) {
    const address = parseHostPort(text, AGENTS_PORT);
    const offer = { version: "TLSv1.3", request: httpRequest(address) } as const;
    const attempt = await attemptTls(address, offer, ATTEMPT_TIMEOUT_MS);
    if (!attempt.ok) continue;
    const where = formatHostPort(address.host, address.port);
    return judgeClock(readClockOffset(attempt.answer, now()), where);
  }
  return judgeClock(null, addresses.join(", ") || "central's address, which is not known");
}

/**
 * Reads the other clock out of an HTTP answer.
 *
 * @param answer the head of an HTTP answer, at least
 * @param nowMs milliseconds since the epoch, when it came
 * @returns the other clock minus this one, in whole seconds where only HTTP's Date is there; null where the answer names no time
 */
export function readClockOffset(answer: string, nowMs: number): number | null {
  const { ms, isWholeSeconds } = readHttpWords(answer)?.time ?? {};
  if (ms === undefined) return null;
  return ms - (isWholeSeconds === true ? Math.floor(nowMs / 1000) * 1000 : nowMs);
}

/**
 * Judges how far two clocks are apart.
 *
 * @param offsetMs the other clock minus this one; null where it could not be read
 * @param where the other end
 */
export function judgeClock(offsetMs: number | null, where: string): readonly Finding[] {
  if (offsetMs === null) {
    return [
      {
        severity: "info",
        what: "The other end's clock could not be read",
        where,
        why: "Certificates and instructions are judged by time; a wrong clock looks like an expired certificate.",
        remedy: "Compare 'date -u' on both hosts.",
      },
    ];
  }
  const distanceMs = Math.abs(offsetMs);
  if (distanceMs < WARNING_MS) return [];
  return [
    {
      // Beyond the tolerance, certificates and instructions are refused.
      severity: distanceMs >= LIMITS.clockToleranceMs.value ? "error" : "warning",
      what: `Its clock is ${Math.round(distanceMs / 1000)} s ${offsetMs > 0 ? "ahead of" : "behind"} this one`,
      where,
      why: "Fresh certificates look not yet valid, and instructions expired.",
      remedy:
        "Find which one is wrong ('timedatectl status' on both) and switch on time synchronisation.",
    },
  ];
}
