import { ERROR_CATALOGUE, type ErrorCode } from "./error-catalogue.ts";
import type { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";
import { printableText } from "./printable-text.ts";

/** An error of ours as a problem document (RFC 9457). */
export interface Problem {
  readonly type: `urn:tautline:error:${ErrorCode}`;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly remedy: string;
}

/** What could be read of a peer's problem document; all texts are printable and bounded. */
export interface WireProblem {
  /** Only if this version knows it. */
  readonly code?: ErrorCode;
  readonly title: string;
  readonly detail: string;
  readonly remedy?: string;
  readonly status: number;
}

const CODE = /^([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*): /;

/**
 * Writes an error as the text of OpAMP's ServerErrorResponse.error_message. The cause stays here.
 *
 * @param error an error of ours
 * @returns "code: sentence Remedy: remedy"
 */
export function toWireText(error: TautlineError): string {
  return `${error.code}: ${error.message} Remedy: ${error.remedy}`;
}

/**
 * Reads what a peer says about an error. It is a claim: show it, never act on it (threat A4).
 *
 * @param text a peer's text
 * @returns the text, printable and of 1,000 characters at most, and the code if this version knows it
 */
export function fromWireText(text: string): { code?: ErrorCode; text: string } {
  const printable = boundedText(text);
  const [start, name] = CODE.exec(printable) ?? [];
  const code = knownCode(name);
  return start === undefined || code === undefined
    ? { text: printable }
    : { code, text: printable.slice(start.length) };
}

/**
 * Writes an error as a problem document (RFC 9457). The cause stays here.
 *
 * @param error an error of ours
 */
export function toProblem(error: TautlineError): Problem {
  return {
    type: `urn:tautline:error:${error.code}`,
    title: titleOf(error.code),
    status: error.status,
    detail: error.message,
    code: error.code,
    remedy: error.remedy,
  };
}

/**
 * Reads a peer's problem document, from Tautline or another program. It is a claim: show it, never act on it (threat A4).
 *
 * @param value parsed JSON
 * @returns undefined when it is not an object with a title or a detail; status 500 when it names none
 */
export function fromProblem(value: unknown): WireProblem | undefined {
  const title = textMember(value, "title");
  const detail = textMember(value, "detail");
  if (title === undefined && detail === undefined) return undefined;
  const code = knownCode(textMember(value, "code"));
  const remedy = textMember(value, "remedy");
  return {
    ...(code === undefined ? {} : { code }),
    title: title ?? detail ?? "",
    detail: detail ?? title ?? "",
    ...(remedy === undefined ? {} : { remedy }),
    status: statusOf(member(value, "status")),
  };
}

/** "enrolment.token_expired" becomes "Enrolment: token expired"; a title is the same for every occurrence. */
function titleOf(code: ErrorCode): string {
  const [area = "", situation = ""] = code.split(".");
  return `${area.charAt(0).toUpperCase()}${area.slice(1)}: ${situation.replaceAll("_", " ")}`;
}

function knownCode(name: string | undefined): ErrorCode | undefined {
  return isErrorCode(name) ? name : undefined;
}

/**
 * Tells whether a word is an error code of this version.
 *
 * @param value what a peer, perhaps of a later version, calls an error
 */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_CATALOGUE, value);
}

function statusOf(status: unknown): number {
  const isStatus = typeof status === "number" && Number.isInteger(status);
  return isStatus && status >= 400 && status <= 599 ? status : 500;
}

function textMember(value: unknown, name: string): string | undefined {
  const text = member(value, name);
  return typeof text === "string" ? boundedText(text) : undefined;
}

/** Own members only: what an object inherits, no peer has sent. */
function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function boundedText(text: string): string {
  return printableText(text, LIMITS.wireTextCharacters.value);
}
