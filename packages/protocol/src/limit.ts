/** One limit: its value, the unit of the value, and why it is this. */
export interface Limit {
  readonly value: number;
  readonly unit: string;
  readonly why: string;
}

/**
 * Checks a table of limits at compile time and keeps its literal keys.
 *
 * @param limits by name
 */
export function defineLimits<const Names extends string>(
  limits: Readonly<Record<Names, Limit>>,
): Readonly<Record<Names, Limit>> {
  return limits;
}
