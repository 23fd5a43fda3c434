/** How a link is secured, in rising order (DESIGN section 2). */
export const LEVELS = ["plaintext", "basic", "advanced", "tls", "mtls"] as const;

/** One of the levels. */
export type Level = (typeof LEVELS)[number];

/**
 * Orders two levels along the road from plaintext to mtls.
 *
 * @param a a level
 * @param b a level
 * @returns negative when `a` comes first, 0 when they are the same, positive when `b` comes first
 */
export function compareLevels(a: Level, b: Level): number {
  return LEVELS.indexOf(a) - LEVELS.indexOf(b);
}

/**
 * Tells whether text names a level.
 *
 * @param text any text
 */
export function isLevel(text: string): text is Level {
  return (LEVELS as readonly string[]).includes(text);
}

/**
 * Tells whether both ends prove something at this level: a key they share (basic, advanced) or a certificate each (mtls).
 *
 * @param level a level
 */
export function isMutual(level: Level): boolean {
  return level === "basic" || level === "advanced" || level === "mtls";
}
