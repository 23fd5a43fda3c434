import type { Logger } from "@tautline/daemon";
import type { TautlineError } from "@tautline/protocol";
import type { ReportAllowance } from "./report-allowance.ts";
import type { ProblemList } from "./problem-list.ts";

/** Where problems of a running agent go. */
export interface ProblemReport {
  /** Shown by `agent status`. */
  readonly problems: ProblemList;
  /** A hostile central must not be able to fill the host's log. */
  readonly allowance: ReportAllowance;
  readonly log: Logger;
  /** Told of each in place of the log, where somebody asked to be. */
  readonly onProblem?: ((error: TautlineError) => void) | undefined;
}

/**
 * Notes a problem: `agent status` shows it, and the log where there is allowance left and nobody else is told.
 *
 * @param error what went wrong
 * @param to where it goes
 */
export function reportProblem(
  error: TautlineError,
  { problems, allowance, log, onProblem }: ProblemReport,
): void {
  problems.add(error);
  if (onProblem !== undefined) {
    onProblem(error);
    return;
  }
  const passedOver = allowance.take();
  if (passedOver === undefined) return;
  log.warn({ err: error, ...(passedOver > 0 && { passedOver }) }, error.message);
}
