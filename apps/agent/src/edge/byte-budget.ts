/** Bytes that may be held in memory at once. */
export interface ByteBudget {
  readonly limit: number;
  /** @returns false, and takes nothing, where there are not so many left */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/**
 * Makes a budget of which nothing is taken.
 *
 * @param limit bytes
 */
export function createByteBudget(limit: number): ByteBudget {
  let taken = 0;
  return {
    limit,
    take: (bytes) => {
      if (taken + bytes > limit) return false;
      taken += bytes;
      return true;
    },
    give: (bytes) => {
      taken -= bytes;
    },
  };
}
