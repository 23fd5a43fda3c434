/** More of a head is not looked at; a token's own line has less than 300 characters. */
const MOST_BYTES = 8_192;
/** RFC 9110 section 11.6.2; the value as the admission reads it, folded lines (RFC 9112 section 5.2) aside. */
const BEARER_LINE = /\r\nauthorization:[ \t]*(bearer [^\s]{1,256})[ \t]*\r\n/i;

/**
 * Finds the value of `Authorization: Bearer` in a request that is not served because of its level: whoever listened has it now.
 *
 * @param beginning what has come of the connection; null for nothing
 * @returns undefined where its head holds none
 */
export function shownToken(beginning: Uint8Array | null): string | undefined {
  if (beginning === null) return undefined;
  const text = Buffer.from(beginning.subarray(0, MOST_BYTES)).toString("latin1");
  // What comes behind the head is not of it.
  const [head = ""] = text.split("\r\n\r\n");
  return BEARER_LINE.exec(`${head}\r\n`)?.[1];
}
