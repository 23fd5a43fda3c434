/** Controls, format characters (bidirectional overrides, zero-width), lone surrogates, line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const EVERY_UNPRINTABLE = new RegExp(UNPRINTABLE, "gu");

/**
 * Makes text that came from elsewhere safe to show: what could forge lines or move a terminal's cursor becomes U+FFFD,
 * and text over the limit is cut and ends in an ellipsis.
 *
 * @param text any text
 * @param maxCharacters the most code points of the result, at least 1
 */
export function printableText(text: string, maxCharacters: number): string {
  // Two code units a character at most: cutting first bounds the work on endless text.
  const characters = Array.from(text.slice(0, (maxCharacters + 1) * 2));
  const isCut = characters.length > maxCharacters;
  const kept = isCut ? [...characters.slice(0, maxCharacters - 1), "…"] : characters;
  return kept.join("").replace(EVERY_UNPRINTABLE, "\uFFFD");
}

/**
 * Tells whether text can be shown as it is: `printableText` would change no character of it.
 *
 * @param text any text
 * @param maxCharacters the most code points
 */
export function isPrintable(text: string, maxCharacters: number): boolean {
  return (
    text.length <= maxCharacters * 2 &&
    Array.from(text).length <= maxCharacters &&
    !UNPRINTABLE.test(text)
  );
}

/**
 * Escapes, inside JSON text, the characters that JSON.stringify leaves as they are and that a terminal or a line reader could obey:
 * C1 controls, bidirectional and zero-width ones, line and paragraph separators. The value stays the same.
 *
 * @param json text made by JSON.stringify without indentation
 */
export function escapeControls(json: string): string {
  return json.replace(EVERY_UNPRINTABLE, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
