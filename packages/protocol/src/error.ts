import { ERROR_CATALOGUE, type ErrorCode, type ErrorEntry } from "./error-catalogue.ts";
import { printableText } from "./printable-text.ts";

/** Values that fill the `{placeholders}` of a sentence; they are shown to people, so never secrets. */
export type ErrorDetail = Readonly<Record<string, string | number>>;

/** What an error says besides its code. */
export interface TautlineErrorOptions {
  /** Fills the `{placeholders}` of the catalogue's sentence and remedy. */
  readonly detail?: ErrorDetail;
  /** What went wrong underneath; kept for local logs, never sent to a peer. */
  readonly cause?: unknown;
}

const brand: unique symbol = Symbol.for("tautline.error") as never;
const LONGEST_DETAIL = 300;

/**
 * The one error class of the product: a code of the catalogue, its sentence, and what to do about it.
 *
 * `message` is the sentence with its placeholders filled; `remedy` tells the reader the next step;
 * `exitCode` is what the command ends with; `status` is the HTTP status it travels under.
 */
export class TautlineError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;
  readonly [brand] = true;

  constructor(code: ErrorCode, options: TautlineErrorOptions = {}) {
    const detail = options.detail ?? {};
    super(
      fill(ERROR_CATALOGUE[code].sentence, detail),
      "cause" in options ? { cause: options.cause } : {},
    );
    this.name = "TautlineError";
    this.code = code;
    this.detail = detail;
  }

  get remedy(): string {
    return fill(this.#entry.remedy, this.detail);
  }

  get status(): number {
    return this.#entry.status;
  }

  get exitCode(): number {
    return this.#entry.exit;
  }

  get #entry(): ErrorEntry {
    return ERROR_CATALOGUE[this.code];
  }
}

/**
 * Tells whether a thrown value is a TautlineError, also one that another copy of this package made.
 *
 * @param value anything that was thrown
 */
export function isTautlineError(value: unknown): value is TautlineError {
  return typeof value === "object" && value !== null && brand in value;
}

/**
 * Turns any thrown value into a TautlineError: one of ours stays itself, the rest becomes `fallback` with the value as cause.
 *
 * @param value anything that was thrown
 * @param fallback the code for values that are not ours
 * @param detail fills the fallback's sentence
 */
export function toTautlineError(
  value: unknown,
  fallback: ErrorCode = "internal.unexpected",
  detail: ErrorDetail = {},
): TautlineError {
  return isTautlineError(value) ? value : new TautlineError(fallback, { cause: value, detail });
}

/** Control characters and endless text in a detail would let a peer forge lines in logs and terminals. */
function fill(template: string, detail: ErrorDetail): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) =>
    Object.hasOwn(detail, name) ? printableText(String(detail[name]), LONGEST_DETAIL) : "?",
  );
}
