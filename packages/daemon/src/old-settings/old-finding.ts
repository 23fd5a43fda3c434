import { printableText, TautlineError } from "@tautline/protocol";

/** One thing that was noticed while old settings were read; what it says never repeats a key. */
export interface OldFinding {
  /** A warning weakens something or needs a hand; info is good to know. */
  readonly severity: "warning" | "info";
  readonly file: string;
  /** From 1; null where it is about the whole file or about a variable. */
  readonly line: number | null;
  readonly what: string;
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
}

const LONGEST_NAME = 80;

/**
 * Makes the refusal of one old setting.
 *
 * @param file the old file
 * @param place "line 3" or "variable TAKIPI_ENCRYPT"
 * @param reason without a full stop, and without any value that might be a key
 */
export function oldSettingError(file: string, place: string, reason: string): TautlineError {
  return new TautlineError("config.old_setting", { detail: { file, place, reason } });
}

/**
 * Shows the name of a setting as a file wrote it: nothing in it moves a cursor or runs on.
 *
 * @param name any text
 */
export function shownName(name: string): string {
  return printableText(name, LONGEST_NAME);
}
