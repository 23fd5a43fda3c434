import { isTautlineError, parseDuration } from "@tautline/protocol";
import { z } from "zod";

/**
 * A duration written `90s`, `15m`, `24h` or `30d`, read as milliseconds.
 *
 * @param fallback the default, in the written form
 * @param least the shortest accepted, in the written form
 * @param most the longest accepted, in the written form
 */
export function durationSetting(fallback: string, least: string, most: string) {
  const [leastMs, mostMs] = [parseDuration(least), parseDuration(most)];
  return z
    .string()
    .meta({ kind: `duration ${least}..${most}` })
    .default(fallback)
    .transform((text, context) => {
      const ms = durationOf(text);
      if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
      const message =
        ms === undefined
          ? "it is not a duration such as 90s, 15m, 24h or 30d"
          : `it is not from ${least} to ${most}`;
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    });
}

/** A TCP port; 0 takes any free one. */
export function portSetting(fallback: number) {
  return z.int().min(0).max(65_535).default(fallback);
}

function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch (error) {
    if (isTautlineError(error)) return undefined;
    throw error;
  }
}
