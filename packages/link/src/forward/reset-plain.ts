import type { PlainEnd } from "./plain-end.ts";

/**
 * Resets a plain connection, so that whoever is at its other end never takes what came for whole. Unix sockets know no reset: they
 * are closed, and their reader cannot tell.
 *
 * @param plain of any state; its errors are of no interest any more
 */
export function resetPlain(plain: PlainEnd): void {
  plain.on("error", () => {});
  try {
    plain.resetAndDestroy();
  } catch {
    // ERR_INVALID_HANDLE_TYPE: not TCP.
    plain.destroy();
  }
}
