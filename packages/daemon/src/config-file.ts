import { readFileSync } from "node:fs";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { LineCounter, parseDocument, type Document } from "yaml";
import type { z } from "zod";

const MAX_CONFIG_BYTES = 1024 * 1024;

/** Which program a settings file belongs to; it stands in remedies ("tautline config example central"). */
export type ConfigApp = "central" | "agent";

/**
 * Reads a YAML settings file through a strict schema.
 *
 * @param app whose file it is
 * @param file path of the file; undefined takes the defaults
 * @param schema strict zod schema: unknown keys are refused, never dropped (SWP-1)
 * @returns the settings, frozen
 * @throws config.unreadable, config.invalid (with line and key)
 */
export function loadConfig<Schema extends z.ZodType>(
  app: ConfigApp,
  file: string | undefined,
  schema: Schema,
): Readonly<z.output<Schema>> {
  if (file === undefined) return parseConfig(app, "(defaults)", "", schema);
  return parseConfig(app, file, readText(file), schema);
}

/**
 * Parses YAML text through a strict schema.
 *
 * @param app whose settings they are
 * @param file name for messages
 * @param text YAML, at most 1 MiB; empty text takes the defaults
 * @param schema strict zod schema
 * @throws config.invalid
 */
export function parseConfig<Schema extends z.ZodType>(
  app: ConfigApp,
  file: string,
  text: string,
  schema: Schema,
): Readonly<z.output<Schema>> {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    prettyErrors: false,
  });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken !== undefined) {
    const path = `line ${lines.linePos(broken.pos[0]).line}`;
    throw new TautlineError("config.invalid", {
      detail: { app, file, path, reason: broken.message },
    });
  }
  const result = schema.safeParse(valueOf(document, app, file));
  if (result.success) return deepFreeze(result.data);
  throw explainIssue(result.error.issues[0], { app, file, document, lines });
}

function valueOf(document: Document, app: ConfigApp, file: string): unknown {
  try {
    // YAML aliases could make a short text huge.
    return document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch (cause) {
    const detail = { app, file, path: "whole file", reason: "aliases are not accepted" };
    throw new TautlineError("config.invalid", { cause, detail });
  }
}

interface Place {
  readonly app: ConfigApp;
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

function explainIssue(issue: z.core.$ZodIssue | undefined, place: Place): TautlineError {
  const unknownKey = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknownKey === undefined ? [] : [unknownKey])];
  const line = lineOf(path, place);
  const key = path.length === 0 ? "whole file" : path.join(".");
  return new TautlineError("config.invalid", {
    detail: {
      app: place.app,
      file: place.file,
      path: line === undefined ? key : `line ${line}: ${key}`,
      reason: unknownKey === undefined ? (issue?.message ?? "not accepted") : "unknown key",
    },
  });
}

function lineOf(path: readonly PropertyKey[], { document, lines }: Place): number | undefined {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true) as { range?: number[] } | undefined;
    const start = node?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return undefined;
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_CONFIG_BYTES) {
      const reason = `it has ${bytes.length} bytes, more than ${MAX_CONFIG_BYTES}`;
      throw new TautlineError("config.unreadable", { detail: { file, reason } });
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    if (isTautlineError(cause)) throw cause;
    const reason = (cause as NodeJS.ErrnoException).code ?? "not UTF-8 text";
    throw new TautlineError("config.unreadable", { cause, detail: { file, reason } });
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
