const MINUTE_MS = 60_000;

/** The bounds of forwards at central; docs/reference/forwards.md shows them, and each has a test that exceeds it by one. */
export const FORWARD_LIMITS = {
  /** The shortest idle or total time, in milliseconds; the longest is that of any duration. */
  shortestMs: 1_000,
  /** A stream ends after so long without a byte either way, unless told. */
  idleMs: 10 * MINUTE_MS,
  /** A stream ends after so long whatever it does, unless told. */
  totalMs: 24 * 60 * MINUTE_MS,
  /** Streams of one agent through one forward at once, unless told. */
  streams: 4_096,
  /** The most that can be told. */
  mostStreams: 65_536,
  /** Addresses of one name that are judged and tried; of more, the first. */
  addresses: 16,
  /** Name lookup and connecting together, in milliseconds. */
  dialMs: 10_000,
} as const;
