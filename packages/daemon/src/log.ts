import { escapeControls, isTautlineError, printableText } from "@tautline/protocol";
import { pino, type DestinationStream, type Logger } from "pino";

export type { Logger } from "pino";

/** How much a log says. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** The least severity that a log writes. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Names that never reach a log, at any depth pino's paths can name (DESIGN section 6, promise 6). */
const SECRET_NAMES = [
  "authorization",
  "cookie",
  "credential",
  "key",
  "keyPem",
  "passphrase",
  "password",
  "privateKey",
  "psk",
  "secret",
  "token",
  "value",
];

/**
 * Makes a program's log: one JSON object a line on standard error, secrets censored, errors with code and remedy.
 *
 * @param name the program, `central` or `agent`
 * @param level least severity written
 * @param destination where lines go; standard error by default, written at once so that a crash loses none
 */
export function createLog(name: string, level: LogLevel, destination?: DestinationStream): Logger {
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error) },
      redact: {
        paths: SECRET_NAMES.flatMap((secret) => [secret, `*.${secret}`, `*.*.${secret}`]),
        censor: "[hidden]",
      },
    },
    inert(destination ?? pino.destination({ dest: 2, sync: true })),
  );
}

/** A line of ours has some hundred characters, one with causes some thousand. */
const LONGEST_LINE = 64 * 1024;
const LONGEST_TEXT = 1_000;

/** Whatever a peer said, a line stays one line, moves no cursor, and has a bounded length (ASVS 16.4.1). */
function inert(destination: DestinationStream): DestinationStream {
  return {
    write: (line) => {
      const text = line.endsWith("\n") ? line.slice(0, -1) : line;
      destination.write(`${escapeControls(text.length > LONGEST_LINE ? shorten(text) : text)}\n`);
    },
  };
}

function shorten(line: string): string {
  return JSON.stringify(JSON.parse(line), (_key, value: unknown) =>
    typeof value === "string" ? printableText(value, LONGEST_TEXT) : value,
  );
}

/** Causes of causes beyond this are not ours to explain; a chain may even run in a circle. */
const DEEPEST_CAUSE = 8;

/** A cause chain is for this log only; it never travels. */
function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: describeThrown(error) };
  const { code } = error as { code?: unknown };
  const isOurs = isTautlineError(error);
  const hasCause = error.cause !== undefined && depth < DEEPEST_CAUSE;
  return {
    code,
    message: error.message,
    remedy: isOurs ? error.remedy : undefined,
    // An error of the catalogue says what happened by its code; any other is a mistake to be found by its place.
    stack: isOurs ? undefined : error.stack,
    cause: hasCause ? describeError(error.cause, depth + 1) : undefined,
  };
}

/** Only texts and numbers are shown: what else was thrown might hold anything. */
function describeThrown(thrown: unknown): string {
  const isPlain = typeof thrown === "string" || typeof thrown === "number";
  return isPlain ? String(thrown) : `a thrown ${typeof thrown}`;
}
