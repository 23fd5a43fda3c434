import { pino, type DestinationStream, type Logger } from "pino";

export type { Logger } from "pino";

/** How much a log says. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
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
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: { paths: SECRET_NAMES.flatMap((secret) => [secret, `*.${secret}`, `*.*.${secret}`]), censor: "[hidden]" },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A cause chain is for this log only; it never travels. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, remedy } = error as { code?: unknown; remedy?: unknown };
  return {
    code,
    message: error.message,
    remedy,
    stack: code === undefined ? error.stack : undefined,
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}
