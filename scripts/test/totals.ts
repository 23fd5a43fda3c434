/** What the tests of one process came to. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What the reporter tells the runner after every event that matters. */
export interface Progress extends Totals {
  /** Full names of the failed tests, with file and line. */
  readonly failures: readonly string[];
  /** Test files that have begun and not ended. */
  readonly running: readonly string[];
  /** One line about coverage, where it was measured. */
  readonly coverage?: string;
}

/** Nothing yet. */
export const NO_PROGRESS: Progress = {
  passed: 0,
  failed: 0,
  skipped: 0,
  failures: [],
  running: [],
};

/** Adds up the totals of several stages. */
export function addTotals(all: readonly Totals[]): Totals {
  const sum = (key: keyof Totals): number => all.reduce((total, one) => total + one[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
}

/** The form of the last line of `npm test`, which machines read. */
export function formatTotals({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
