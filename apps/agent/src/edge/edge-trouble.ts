import type { TautlineError } from "@tautline/protocol";

/** The latest thing that went wrong with an edge. */
export interface EdgeTrouble {
  /** RFC 3339 in UTC. */
  readonly at: string;
  readonly code: string;
  readonly text: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** Remembers the latest trouble of an edge, and passes each on. */
export interface TroubleNote {
  readonly latest: EdgeTrouble | null;
  readonly note: (error: TautlineError) => void;
}

/**
 * Begins to remember.
 *
 * @param now milliseconds since 1970
 * @param onProblem told of each
 */
export function createTroubleNote(
  now: () => number,
  onProblem: (error: TautlineError) => void,
): TroubleNote {
  let latest: EdgeTrouble | null = null;
  return {
    get latest() {
      return latest;
    },
    note: (error) => {
      const { code, message: text, remedy } = error;
      latest = { at: new Date(now()).toISOString(), code, text, remedy };
      onProblem(error);
    },
  };
}
