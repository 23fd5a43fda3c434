import { TautlineError } from "@tautline/protocol";
import {
  isMap,
  LineCounter,
  parseDocument,
  type Document,
  type YAMLParseError,
  type YAMLWarning,
} from "yaml";
import type { z } from "zod";
import { readText } from "./text-file.ts";

/** A settings file has a few kilobytes; more is another file given by mistake. */
export const MAX_CONFIG_BYTES: number = 1024 * 1024;

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
  return parseConfig(app, file, readText(file, MAX_CONFIG_BYTES), schema);
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
      detail: { app, file, path, reason: mistakeIn(broken) },
    });
  }
  const result = schema.safeParse(valueOf(document, app, file));
  if (result.success) return deepFreeze(result.data);
  throw explainIssue(result.error.issues[0], { app, file, document, lines });
}

/**
 * Takes settings that another kind of file was read into through a strict schema.
 *
 * @param app whose settings they are
 * @param file name for messages
 * @param value the settings as a YAML file would give them
 * @param schema strict zod schema
 * @throws config.invalid (with key, without line)
 */
export function takeConfig<Schema extends z.ZodType>(
  app: ConfigApp,
  file: string,
  value: unknown,
  schema: Schema,
): Readonly<z.output<Schema>> {
  const result = schema.safeParse(value);
  if (result.success) return deepFreeze(result.data);
  throw explainIssue(result.error.issues[0], { app, file });
}

/** The parser's own advice for several documents is for programmers. */
function mistakeIn({ code, message }: YAMLParseError | YAMLWarning): string {
  return code === "MULTIPLE_DOCS" ? "a second document begins here" : plainReason(message);
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
  readonly document?: Document;
  readonly lines?: LineCounter;
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
      reason: unknownKey === undefined ? plainReason(messageOf(issue)) : "unknown key",
    },
  });
}

/** Of a key that the operator names, what is wrong with the name. */
function messageOf(issue: z.core.$ZodIssue | undefined): string | undefined {
  return issue?.code === "invalid_key" ? issue.issues[0]?.message : issue?.message;
}

/** The catalogue's sentence brings its own full stop. */
function plainReason(message = "not accepted"): string {
  return message.replace(/\.$/, "");
}

/** The line of the deepest key on the way to `path` that stands in the file. */
function lineOf(path: readonly PropertyKey[], { document, lines }: Place): number | undefined {
  let line: number | undefined;
  if (document === undefined || lines === undefined) return line;
  let node: unknown = document.contents;
  for (const step of path) {
    const pair = isMap(node)
      ? node.items.find(({ key }) => String(key) === String(step))
      : undefined;
    const start = (pair?.key as { range?: readonly number[] } | undefined)?.range?.[0];
    if (pair === undefined || start === undefined) return line;
    line = lines.linePos(start).line;
    node = pair.value;
  }
  return line;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
