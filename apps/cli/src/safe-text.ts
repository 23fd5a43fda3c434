const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const CONTROLS_BUT_NEWLINE = /(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * Makes text of unknown origin safe for one line of a terminal: every control, bidi and separator character becomes U+FFFD.
 *
 * Agents name themselves, so their names must not write escape sequences to an operator's screen (threats: log injection).
 *
 * @param text any text
 */
export function oneLine(text: string): string {
  return text.replace(CONTROLS, "\uFFFD");
}

/**
 * The same for text of several lines: newlines stay.
 *
 * @param text any text
 */
export function showControls(text: string): string {
  return text.replace(CONTROLS_BUT_NEWLINE, "\uFFFD");
}

/**
 * Escapes, inside JSON text, the control characters that JSON.stringify leaves as they are; the value stays the same.
 *
 * @param json text made by JSON.stringify without indentation
 */
export function escapeControls(json: string): string {
  return json.replace(CONTROLS, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
