export { escapeControls } from "@tautline/protocol";

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
