import { inspect } from "node:util";

const DEEPEST_CAUSE = 5;

/**
 * Shows an error as a person who cannot rerun the test needs it: message, stack without the runner's own frames, codes, causes.
 *
 * @param error anything that was thrown, as it came from the test's process
 */
export function describeError(error: unknown, depth = 0): string {
  const thrown = isWrapper(error) ? error.cause : error;
  if (!(thrown instanceof Error)) return typeof thrown === "string" ? thrown : inspect(thrown);
  const stack = (thrown.stack ?? String(thrown))
    .split("\n")
    .filter((line) => !/^\s+at (?:.*\()?node:/.test(line))
    .join("\n");
  const facts = Object.entries(thrown)
    .filter(([name, value]) => SHOWN.has(name) && value !== undefined)
    .map(([name, value]) => `\n  ${name}: ${inspect(value)}`)
    .join("");
  const cause =
    thrown.cause === undefined || depth === DEEPEST_CAUSE
      ? ""
      : `\ncaused by: ${describeError(thrown.cause, depth + 1)}`;
  return stack + facts + cause;
}

/** An assertion's `actual` and `expected` already stand in its message. */
const SHOWN = new Set([
  "code",
  "detail",
  "exitCode",
  "signal",
  "syscall",
  "path",
  "address",
  "port",
]);

/** Node wraps what a test threw; the wrapper says nothing of its own. */
function isWrapper(error: unknown): error is Error {
  return error instanceof Error && "failureType" in error && error.cause !== undefined;
}
