/** Lets only so many do something at once; the others wait in the order in which they came. */
export interface Turns {
  /** Resolves when it is one's turn. */
  take(): Promise<void>;
  /** One is done: whoever waits longest is next. */
  give(): void;
}

/**
 * Makes turns, all of them free.
 *
 * @param atOnce at least 1
 */
export function createTurns(atOnce: number): Turns {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  return {
    take: () => {
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      return promise;
    },
    give: () => {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}
