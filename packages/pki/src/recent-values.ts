/** A memory of what was asked for lately, bounded in number. */
export interface RecentValues<Value> {
  /** The value, if it is still remembered; it then counts as asked for just now. */
  get(key: string): Value | undefined;
  /** Remembers a value; beyond the bound, what was asked for longest ago is forgotten. */
  set(key: string, value: Value): void;
  readonly size: number;
}

/**
 * Makes an empty memory.
 *
 * @param most values remembered at once, at least 1
 */
export function createRecentValues<Value>(most: number): RecentValues<Value> {
  // A Map lists its keys in the order they were set, so the first is the one asked for longest ago.
  const values = new Map<string, Value>();
  return {
    get: (key) => {
      const value = values.get(key);
      if (value === undefined) return undefined;
      values.delete(key);
      values.set(key, value);
      return value;
    },
    set: (key, value) => {
      values.delete(key);
      values.set(key, value);
      if (values.size <= most) return;
      for (const oldest of values.keys()) {
        values.delete(oldest);
        return;
      }
    },
    get size() {
      return values.size;
    },
  };
}
