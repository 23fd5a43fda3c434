import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { toTautlineError, type TautlineError } from "@tautline/protocol";

const LONGEST_READ_BYTES = 1024 * 1024;

/** Something that is read from files, and read again when they change. */
export interface WatchedFiles<Value> {
  /** As it was last read whole. */
  readonly value: Value;
  /** Why what stands in the files now could not be taken; undefined while `value` is what stands there. */
  readonly problem: TautlineError | undefined;
  /**
   * Looks whether the files have changed, and reads them if so. What cannot be read leaves `value` as it is.
   *
   * @returns "same", "taken" (there is another `value`), or "refused" at the first look that met this `problem`
   */
  look(): "same" | "taken" | "refused";
}

/**
 * Reads files now, and again whenever it is told to look and they are others: by their content and permissions, for a copy with the
 * same time is a change as well (SW-11).
 *
 * @param files every file that `read` reads, or would read if it were there
 * @param read makes the value of them, all of it or an error
 * @throws what `read` throws the first time
 */
export function watchFiles<Value>(
  files: () => readonly string[],
  read: () => Value,
): WatchedFiles<Value> {
  // Before they are read: what changes meanwhile is seen at the next look.
  let seen = stampOf(files());
  let value = read();
  let problem: TautlineError | undefined;
  return {
    get value() {
      return value;
    },
    get problem() {
      return problem;
    },
    look: () => {
      const stamp = stampOf(files());
      if (stamp === seen) return "same";
      seen = stamp;
      try {
        value = read();
        problem = undefined;
        return "taken";
      } catch (error) {
        problem = toTautlineError(error);
        return "refused";
      }
    },
  };
}

function stampOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0${stampOfFile(file)}\0`);
  return hash.digest("hex");
}

function stampOfFile(file: string): string {
  try {
    const { mode, size, isPlain } = factsOf(file);
    // A pipe would never end.
    if (!isPlain) return "no plain file";
    // A file that is far too long is not read; that it is refused does not depend on its content.
    if (size > LONGEST_READ_BYTES) return `${mode} ${size}`;
    return `${mode} ${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown cause";
  }
}

function factsOf(file: string): {
  readonly mode: number;
  readonly size: number;
  readonly isPlain: boolean;
} {
  const facts = statSync(file);
  return { mode: facts.mode, size: facts.size, isPlain: facts.isFile() };
}
