const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Longer waits are none: a timer of Node's ends before them. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Reads the deadline of a call: at most eight digits and a unit (gRPC over HTTP/2, "Timeout").
 *
 * @param text value of `grpc-timeout`
 * @returns milliseconds, at most what a timer can wait (24 days); undefined where it is malformed
 */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  return Math.min(Number(digits) * (UNIT_MS[unit] ?? Number.NaN), LONGEST_TIMER_MS);
}
