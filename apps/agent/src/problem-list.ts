import type { TautlineError } from "@tautline/protocol";

const MAX_KEPT = 20;

/** One thing that went wrong, as `agent status` shows it. */
export interface Problem {
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly code: string;
  readonly text: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** The latest problems of a running agent, bounded. */
export interface ProblemList {
  readonly latest: readonly Problem[];
  add(error: TautlineError): void;
}

/**
 * Makes a list of the latest 20 problems.
 *
 * @param now milliseconds since 1970-01-01T00:00:00Z
 */
export function createProblemList(now: () => number): ProblemList {
  const latest: Problem[] = [];
  return {
    latest,
    add({ code, message, remedy }) {
      latest.push({ at: new Date(now()).toISOString(), code, text: message, remedy });
      if (latest.length > MAX_KEPT) latest.shift();
    },
  };
}
