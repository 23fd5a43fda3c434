import { inspect } from "node:util";
import { ERROR_CATALOGUE, fromProblem, toProblem, toTautlineError } from "@tautline/protocol";
import type { ExitCode } from "./exit-code.ts";

/** One failure, as both kinds of reader want it: people get sentence and remedy, programs the RFC 9457 document. */
export interface Failure {
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
  readonly exitCode: ExitCode;
  /** What lies underneath a failure that Tautline did not foresee; local readers only. */
  readonly cause: string | undefined;
  /** RFC 9457 problem document. */
  readonly problem: Readonly<Record<string, unknown>>;
}

/** Errors whose cause is another process's problem document. */
const SPEAKS_FOR_ANOTHER: ReadonlySet<string> = new Set(["cli.central_refused", "cli.part_failed"]);

/**
 * Describes anything that was thrown.
 *
 * Where another process refused (cli.central_refused, cli.part_failed with a problem document as cause), its own code and words are shown.
 *
 * @param thrown an error of ours, or anything else (then internal.unexpected)
 */
export function describeFailure(thrown: unknown): Failure {
  const error = toTautlineError(thrown);
  const remote = SPEAKS_FOR_ANOTHER.has(error.code) ? fromProblem(error.cause) : undefined;
  if (remote === undefined) {
    const cause = error.code === "internal.unexpected" ? explainCause(error.cause) : undefined;
    return {
      code: error.code,
      sentence: error.message,
      remedy: error.remedy,
      exitCode: exitCodeOf(error.code),
      cause,
      problem: { ...toProblem(error), ...(cause === undefined ? {} : { underneath: cause }) },
    };
  }
  const code = remote.code ?? error.code;
  const remedy = remote.remedy ?? error.remedy;
  return {
    code,
    sentence: remote.detail,
    remedy,
    exitCode: exitCodeOf(code),
    // A part of ours writes it for us to show; central never sends it.
    cause: error.code === "cli.part_failed" ? underneathOf(error.cause) : undefined,
    problem: { ...remote, type: `urn:tautline:error:${code}`, code, remedy },
  };
}

function exitCodeOf(code: keyof typeof ERROR_CATALOGUE): ExitCode {
  return ERROR_CATALOGUE[code].exit;
}

function explainCause(cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause, { depth: 1 });
}

function underneathOf(problem: unknown): string | undefined {
  if (typeof problem !== "object" || problem === null || !("underneath" in problem))
    return undefined;
  return String(problem.underneath);
}
