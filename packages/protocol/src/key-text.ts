import { isTautlineError, TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";
import { decodeUtf8, utf8Length } from "./utf8.ts";

/**
 * Refuses what cannot be the text of a key, without repeating it.
 *
 * @param text as a person or a file gave it
 * @throws value.key_text
 */
export function parseKeyText(text: string): string {
  const reason = mistakeIn(text);
  if (reason === undefined) return text;
  throw refused(reason);
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** The line break that editors leave at the end. */
const LINE_BREAK_BYTES = 2;

/** The most bytes that the file of a key has: read one more to see that there is more. */
export const KEY_FILE_BYTES: number = LIMITS.keyTextBytes.value + LINE_BREAK_BYTES;

/**
 * Reads the text of a key from what stands in a file: UTF-8 as it is, without the one line break at its end.
 *
 * @param bytes the whole file
 * @throws value.key_text, which does not repeat it
 */
export function readKeyFileText(bytes: Uint8Array): string {
  const end = bytes.at(-1) === LINE_FEED ? (bytes.at(-2) === CARRIAGE_RETURN ? 2 : 1) : 0;
  const text = bytes.subarray(0, bytes.length - end);
  if (text.length > LIMITS.keyTextBytes.value) {
    throw refused(`it is longer than ${LIMITS.keyTextBytes.value} bytes`);
  }
  try {
    return parseKeyText(decodeUtf8(text));
  } catch (error) {
    // The cause is left out: it might hold what was read.
    if (isTautlineError(error) && error.code === "value.utf8") throw refused("it is not UTF-8");
    throw error;
  }
}

function refused(reason: string): TautlineError {
  return new TautlineError("value.key_text", { detail: { reason } });
}

function mistakeIn(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (utf8Length(text) > LIMITS.keyTextBytes.value) {
    return `it is longer than ${LIMITS.keyTextBytes.value} bytes`;
  }
  if (/\p{Cc}/u.test(text)) return "it has a line break or another control character";
  return text.isWellFormed() ? undefined : "it is no whole text";
}

/** Bits that a key shared by machines should have at least (RFC 9257 section 6). */
export const STRONG_KEY_BITS = 128;

/**
 * Says why a key's text is weak. What it counts is the most that the text can be worth, so what it calls weak is weak; a long
 * sentence that everybody knows passes.
 *
 * @param text of a key
 * @returns a reason for people, which does not repeat the text; undefined where nothing speaks against it
 */
export function weaknessOf(text: string): string | undefined {
  const bits = mostBits(text);
  if (bits >= STRONG_KEY_BITS) return undefined;
  return `it is worth at most ${Math.floor(bits)} bits of the ${STRONG_KEY_BITS} a key should have`;
}

const CLASSES: readonly (readonly [RegExp, number])[] = [
  [/[0-9]/, 10],
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[ -/:-@[-`{-~]/, 33],
  [/[^ -~]/, 100],
];

/** A character that repeats the one before it, or goes one on from it, is worth a bit. */
function mostBits(text: string): number {
  const alphabet = CLASSES.reduce((sum, [test, size]) => (test.test(text) ? sum + size : sum), 0);
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const each = Math.log2(Math.max(alphabet, 2));
  const distinct = new Set(points).size;
  const counted = points.reduce((sum, point, at) => {
    const step = Math.abs(point - (points[at - 1] ?? Number.NEGATIVE_INFINITY));
    return sum + (step <= 1 ? 1 : each);
  }, 0);
  // Few characters used again and again are worth what choosing among them is.
  return Math.min(counted, points.length * Math.log2(Math.max(distinct, 1)) + each);
}
