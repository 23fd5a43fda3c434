/** A crowd that shall come back, and how fast it can be served. */
export interface Crowd {
  /** Who comes before, those who were sent away earlier included. */
  readonly ahead: number;
  /** How many a second are served. */
  readonly perSecond: number;
  /** Uniform in [0, 1). */
  readonly random: number;
}

/** Shorter is no window: nobody's clock and way is that exact. */
export const SHORTEST_WINDOW_MS = 1_000;
/** Who is told to stay away for longer would rather be taken for lost. */
export const LONGEST_WINDOW_MS = 300_000;

/**
 * When a caller who found no place shall come back: about when those ahead of it are served, each another time.
 *
 * @param crowd how many are ahead of it, how fast that goes, and chance
 * @returns milliseconds from now, between half and one and a half of the time that those ahead take
 */
export function comeBackAfterMs({ ahead, perSecond, random }: Crowd): number {
  return Math.round(windowMs(ahead, perSecond) * (0.5 + random));
}

/**
 * When one of many who all lose their link in the same moment shall come back: at any time of the window in which all of them
 * can be served (F9).
 *
 * @param crowd `ahead` is how many they are
 * @returns milliseconds from now
 */
export function spreadReturnMs({ ahead, perSecond, random }: Crowd): number {
  return Math.round(windowMs(ahead, perSecond) * random);
}

function windowMs(ahead: number, perSecond: number): number {
  const neededMs = (ahead / perSecond) * 1_000;
  return Math.min(LONGEST_WINDOW_MS, Math.max(SHORTEST_WINDOW_MS, neededMs));
}
