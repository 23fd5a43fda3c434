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
    .default(fallback)
    .transform((text, context) => {
      const ms = durationOrIssue(text, context);
      if (ms >= leastMs && ms <= mostMs) return ms;
      context.addIssue({ code: "custom", message: `must be from ${least} to ${most}` });
      return z.NEVER;
    });
}

/** A TCP port; 0 takes any free one. */
export function portSetting(fallback: number) {
  return z.int().min(0).max(65_535).default(fallback);
}

function durationOrIssue(text: string, context: z.RefinementCtx): number {
  try {
    return parseDuration(text);
  } catch (error) {
    context.addIssue({
      code: "custom",
      message: isTautlineError(error) ? error.message : "is not a duration",
    });
    return Number.NaN;
  }
}
