import type { PlainEnd } from "./plain-end.ts";

/**
 * Resets a plain connection, so that whoever is at its other end never takes what came for whole. Unix sockets know no reset: they
 * are closed, and their reader cannot tell.
 *
 * @param plain of any state; its errors are of no interest any more
 */
export function resetPlain(plain: PlainEnd): void {
  plain.on("error", () => {});
  // While its end is being told, the system refuses a reset (EINVAL), and Node would lose the connection with its descriptor.
  if (isTellingEnd(plain)) plain.once("finish", () => reset(plain));
  else reset(plain);
}

function isTellingEnd(plain: PlainEnd): boolean {
  const { destroyed, writableEnded, writableFinished, writableLength } = plain;
  return !destroyed && writableEnded && !writableFinished && writableLength === 0;
}

function reset(plain: PlainEnd): void {
  try {
    plain.resetAndDestroy();
  } catch {
    // ERR_INVALID_HANDLE_TYPE: not TCP.
    plain.destroy();
  }
}
