import type { Duplex } from "node:stream";

/** How long the other end has to take the last word. */
const LINGER_MS = 2_000;

/**
 * Ends a stream so that its last word is heard: what was written goes out, and what still comes is read and means nothing. Closing
 * with something unread would make TCP reset, and a reset overtakes what was written.
 *
 * @param stream is destroyed when the other end has ended too, and after 2 s in any case
 */
export function endLingering(stream: Duplex): void {
  const timer = setTimeout(() => stream.destroy(), LINGER_MS).unref();
  stream.once("close", () => clearTimeout(timer));
  stream.end();
  stream.resume();
}
