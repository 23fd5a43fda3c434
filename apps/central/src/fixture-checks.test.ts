/* Equipment of central's tests; no tests of its own. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, isTautlineError, type TautlineError } from "@tautline/protocol";

/**
 * Gives the refusal that some work ends in, and fails where it succeeds or throws anything that is not ours.
 *
 * @param work a promise, or something to call
 * @param code checked if given
 */
export async function refusalOf(
  work: Promise<unknown> | (() => unknown),
  code?: ErrorCode,
): Promise<TautlineError> {
  const outcome = await Promise.resolve()
    .then(() => (typeof work === "function" ? work() : work))
    .then(
      (value: unknown) => ({ value }),
      (thrown: unknown) => ({ thrown }),
    );
  if (!("thrown" in outcome)) assert.fail(`nothing was refused: ${JSON.stringify(outcome.value)}`);
  const { thrown } = outcome;
  if (!isTautlineError(thrown)) throw thrown;
  if (code !== undefined) assert.equal(thrown.code, code, thrown.message);
  return thrown;
}

/** Every file of a folder by name: its mode and the hash of its bytes. Sockets have none. */
export function snapshotOf(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(folder)
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      const facts = lstatSync(path);
      const mode = (facts.mode & 0o777).toString(8);
      const bytes = facts.isFile() ? readFileSync(path) : Buffer.alloc(0);
      return [name, `${mode} ${createHash("sha256").update(bytes).digest("hex")}`] as const;
    });
  return Object.fromEntries(entries);
}

/** The mode of a file, as `chmod` writes it. */
export function modeOf(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}
