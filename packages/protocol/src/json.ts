import { TautlineError } from "./error.ts";
import { utf8Length } from "./utf8.ts";

/** Keys that reach an object's prototype in careless code (threat A19). */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** How large and how deep a document may be. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/**
 * Reads one JSON document (RFC 8259) with the rules of I-JSON (RFC 7493) that keep two readers from seeing different things:
 * no duplicate keys, no lone surrogates, no numbers that a double cannot hold. The keys __proto__, constructor and prototype
 * are refused (threat A19). Size and depth are judged before anything is built.
 *
 * @param text the document
 * @param limits `maxBytes` of its UTF-8, `maxDepth` of nested arrays and objects
 * @returns what JSON.parse gives
 * @throws value.json
 */
export function parseJson(text: string, limits: JsonLimits): unknown {
  if (text.length > limits.maxBytes || utf8Length(text) > limits.maxBytes) {
    throw refused(`it is larger than ${limits.maxBytes} bytes`);
  }
  if (!text.isWellFormed()) throw refused("it has half a character (a lone surrogate)");
  try {
    scan(text, limits.maxDepth);
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw refused("it is not JSON", cause);
    throw cause;
  }
}

/**
 * Tells whether a key reaches an object's prototype in careless code.
 *
 * @param key a key of a peer's object
 */
export function isForbiddenKey(key: string): boolean {
  return FORBIDDEN_KEYS.has(key);
}

/**
 * Walks the tokens without building anything. It judges what JSON.parse lets pass and leaves the grammar to JSON.parse, so
 * it must only read documents right that JSON.parse accepts; on others it may stop anywhere.
 */
function scan(text: string, maxDepth: number): void {
  // One entry for each open array (undefined) or object (the keys seen in it).
  const open: (Set<string> | undefined)[] = [];
  let keyMayFollow = false;
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    let end = at + 1;
    if (character === '"') {
      end = endOfString(text, at);
      scanString(text.slice(at, end), keyMayFollow ? open.at(-1) : undefined);
      keyMayFollow = false;
    } else if (character === "{" || character === "[") {
      if (open.length === maxDepth) throw refused(`it nests deeper than ${maxDepth} levels`);
      open.push(character === "{" ? new Set() : undefined);
      keyMayFollow = character === "{";
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === ",") {
      keyMayFollow = open.at(-1) !== undefined;
    } else if (character === "-" || isDigit(character)) {
      end = endOfNumber(text, at);
      scanNumber(text.slice(at, end));
    }
    at = end;
  }
}

/** The index after the closing quote, or of the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") at += 1;
    else if (character === '"') return at + 1;
  }
  return text.length;
}

function scanString(literal: string, keysSeen: Set<string> | undefined): void {
  // Only escapes can make a lone surrogate or hide a key, so other values need no second reading.
  if (keysSeen === undefined && !literal.includes("\\u")) return;
  const value: unknown = JSON.parse(literal);
  if (typeof value !== "string") return;
  if (!value.isWellFormed()) throw refused("it has half a character (a lone surrogate)");
  if (keysSeen === undefined) return;
  if (isForbiddenKey(value)) throw refused(`the key ${value} is not allowed`);
  if (keysSeen.has(value)) throw refused("an object has one key twice");
  keysSeen.add(value);
}

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9";
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && /[0-9+\-.eE]/.test(text.charAt(at))) at += 1;
  return at;
}

function scanNumber(literal: string): void {
  const value = Number(literal);
  if (!Number.isFinite(value) && !Number.isNaN(value)) throw refused("a number is too large");
  if (/^-?[0-9]+$/.test(literal) && !Number.isSafeInteger(value)) {
    throw refused("a whole number is beyond 2^53");
  }
}

function refused(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("value.json", {
    detail: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
}
