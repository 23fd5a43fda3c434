/**
 * One row of the catalogue.
 *
 * `sentence` says what happened, `remedy` what the reader can do; both may hold `{placeholders}` filled from an error's detail.
 * `status` is the HTTP status (RFC 9110) it travels under; `exit` is the command's exit code: 1 refused or failed, 2 usage,
 * 3 central not reachable, 4 vault locked (CLI.md, decision 0004).
 */
export interface ErrorEntry {
  readonly sentence: string;
  readonly remedy: string;
  readonly status: number;
  readonly exit: 1 | 2 | 3 | 4;
}

/**
 * Checks a table of entries at compile time and keeps its literal keys.
 *
 * @param entries one area of the catalogue, keyed `area.situation`
 */
export function defineErrors<const Codes extends string>(
  entries: Readonly<Record<Codes, ErrorEntry>>,
): Readonly<Record<Codes, ErrorEntry>> {
  return entries;
}
