import { utf8Length } from "@tautline/protocol";
import { oldSettingError, shownName, type OldFinding } from "./old-finding.ts";

/** Settings files of the systems that came before have a few kilobytes. */
export const MAX_OLD_SETTINGS_BYTES: number = 64 * 1024;

/** One setting: its value as Java would read it, and the line it begins at. */
export interface Property {
  readonly value: string;
  readonly line: number;
}

/** What a properties file says. */
export interface Properties {
  readonly file: string;
  readonly entries: ReadonlyMap<string, Property>;
  readonly findings: readonly OldFinding[];
}

/**
 * Reads Java properties: separators with blanks around them, comments, continued lines, escapes; of a key that is set twice the
 * last one counts and a finding says so.
 *
 * @param file name for messages
 * @param text at most 64 KiB of UTF-8
 * @throws config.old_setting, which names the line and never repeats a value
 *
 * Source: java.util.Properties.load of the Java SE API.
 */
export function parseProperties(file: string, text: string): Properties {
  if (utf8Length(text) > MAX_OLD_SETTINGS_BYTES) {
    const reason = `it has more than ${MAX_OLD_SETTINGS_BYTES} bytes`;
    throw oldSettingError(file, "whole file", reason);
  }
  const entries = new Map<string, Property>();
  const findings: OldFinding[] = [];
  for (const { text: logical, line } of logicalLines(text)) {
    const { key, value } = splitEntry(logical);
    const refuse = (): never => {
      throw oldSettingError(file, `line ${line}`, "\\u is not followed by four hexadecimal digits");
    };
    const name = unescape(key, refuse);
    const before = entries.get(name);
    if (before !== undefined) findings.push(duplicate(file, name, before.line, line));
    entries.set(name, { value: unescape(value, refuse), line });
  }
  return { file, entries, findings };
}

function duplicate(file: string, name: string, first: number, last: number): OldFinding {
  return {
    severity: "warning",
    file,
    line: last,
    what: `${shownName(name)} is set twice, in lines ${first} and ${last}; the last one counts`,
    why: "Who reads the first one believes something that is not in force.",
    remedy: `Delete line ${first} if line ${last} is what you mean.`,
  };
}

interface LogicalLine {
  readonly text: string;
  readonly line: number;
}

/** A line that ends in an odd number of backslashes goes on in the next, whatever that looks like. */
function* logicalLines(text: string): Generator<LogicalLine> {
  let open: LogicalLine | undefined;
  for (const [index, natural] of text.split(/\r\n|\r|\n/).entries()) {
    const body = natural.slice(blanksAt(natural, 0));
    if (open === undefined && (body === "" || body.startsWith("#") || body.startsWith("!"))) {
      continue;
    }
    const goesOn = backslashesAtEnd(body) % 2 === 1;
    const line: number = open?.line ?? index + 1;
    open = { text: (open?.text ?? "") + (goesOn ? body.slice(0, -1) : body), line };
    if (goesOn) continue;
    yield open;
    open = undefined;
  }
  if (open !== undefined) yield open;
}

function backslashesAtEnd(text: string): number {
  let from = text.length;
  while (from > 0 && text[from - 1] === "\\") from -= 1;
  return text.length - from;
}

/** The first place at or after `from` where no blank stands. */
function blanksAt(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text[at])) at += 1;
  return at;
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\f";
}

/** A key ends at the first separator or blank without a backslash; one separator may follow the blanks. */
function splitEntry(text: string): { readonly key: string; readonly value: string } {
  let end = 0;
  while (end < text.length && !isBlank(text[end]) && !isSeparator(text[end])) {
    end += text[end] === "\\" ? 2 : 1;
  }
  let from = blanksAt(text, end);
  if (isSeparator(text[from])) from = blanksAt(text, from + 1);
  return { key: text.slice(0, end), value: text.slice(from) };
}

function isSeparator(character: string | undefined): boolean {
  return character === "=" || character === ":";
}

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

/** A backslash before anything else is dropped, as Java does: Windows paths lose theirs. */
function unescape(text: string, refuse: () => never): string {
  return text.replace(
    /\\(?:u([0-9A-Fa-f]{4})|([^]?))/g,
    (_, digits: string | undefined, one: string) => {
      if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16));
      return one === "u" ? refuse() : (ESCAPES[one] ?? one);
    },
  );
}
