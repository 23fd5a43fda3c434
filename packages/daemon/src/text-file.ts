import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { isTautlineError, TautlineError } from "@tautline/protocol";

/**
 * Reads a text file that a person named, whole.
 *
 * @param file its path
 * @param maxBytes more than this is refused before a byte is read
 * @throws config.unreadable: no plain file, too large, no UTF-8, or the system refused
 */
export function readText(file: string, maxBytes: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readBounded(file, maxBytes));
  } catch (cause) {
    if (isTautlineError(cause)) throw cause;
    const reason = cause instanceof TypeError ? "it is not UTF-8 text" : errorName(cause);
    throw new TautlineError("config.unreadable", { cause, detail: { file, reason } });
  }
}

/** Kind and size are judged on the open file, before a byte is read: a pipe or a device would never end. */
function readBounded(file: string, maxBytes: number): Uint8Array {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) throw unreadable(file, "it is not a plain file");
    if (facts.size > maxBytes) {
      throw unreadable(file, `it has ${facts.size} bytes, more than ${maxBytes}`);
    }
    const bytes = new Uint8Array(facts.size);
    return bytes.subarray(0, facts.size === 0 ? 0 : readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(file: string, reason: string): TautlineError {
  return new TautlineError("config.unreadable", { detail: { file, reason } });
}

function errorName(cause: unknown): string {
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? "unknown cause";
}
