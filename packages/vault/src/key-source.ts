import { randomBytes } from "node:crypto";
import { TautlineError, isTautlineError } from "@tautline/protocol";
import { readPrivateFile, writeFileDurably } from "./durable-file.ts";

/** What a key source is; stored with each wrapped key, so that a vault knows by what it was sealed. */
export type KeySourceKind = "environment" | "passphrase-file" | "key-file";

/** How much the sealing is worth against someone who copies the data folder. */
export type KeyStrength = "strong" | "weak" | "depends on the passphrase";

/** A place the wrapping key of a vault comes from (DESIGN "Vault"; RS-16, RS-19). */
export interface KeySource {
  readonly kind: KeySourceKind;
  readonly strength: KeyStrength;
  /** Where it is, safe to show: a variable's name or a path, never its value. */
  readonly where: string;
  /**
   * @returns the secret, or `undefined` where the source is not present
   * @throws vault.source_malformed, vault.file_unsafe where it is present but cannot be used
   */
  read(): Buffer | undefined;
  /** Makes the secret, stores it durably and returns it; only generated sources can. */
  create?(): Buffer;
}

const LONGEST_PASSPHRASE_BYTES = 4096;
const KEY_FILE_BYTES = 32;
const KEY_FILE_FORM = /^tautline-vault-key-1 ([0-9a-f]{64})\n$/;

/**
 * A passphrase in an environment variable (RS-12, RS-20).
 *
 * @param variableName shown to people
 * @param value what the program's start found there; an empty one counts as a mistake, not as absent
 */
export function environmentSource(variableName: string, value: string | undefined): KeySource {
  const where = `variable ${variableName}`;
  return {
    kind: "environment",
    strength: "depends on the passphrase",
    where,
    read: () =>
      value === undefined ? undefined : checkedPassphrase(Buffer.from(value, "utf8"), where),
  };
}

/**
 * A passphrase in a file that only this user can read; one line end after it does not count.
 *
 * @param path the file, mode 0600 or narrower, at most 4,096 bytes
 */
export function passphraseFileSource(path: string): KeySource {
  const where = `passphrase file ${path}`;
  return {
    kind: "passphrase-file",
    strength: "depends on the passphrase",
    where,
    read: () => {
      const bytes = readSecret(path, LONGEST_PASSPHRASE_BYTES + 2, where);
      return bytes && checkedPassphrase(withoutLineEnd(bytes), where);
    },
  };
}

/**
 * A key that Tautline makes itself and keeps beside the data: it guards backups that leave the file out, nothing more, hence weak.
 *
 * @param path the key file, mode 0600; `create` never overwrites one
 * @param options `randomBytes`: where randomness comes from
 */
export function generatedKeyFileSource(
  path: string,
  options: { readonly randomBytes?: (size: number) => Buffer } = {},
): KeySource {
  const where = `key file ${path}`;
  const read = (): Buffer | undefined => {
    const bytes = readSecret(path, 256, where);
    if (bytes === undefined) {
      return undefined;
    }
    const [, hex] = KEY_FILE_FORM.exec(bytes.toString("latin1")) ?? [];
    bytes.fill(0);
    if (hex === undefined) {
      throw malformed(where, "it is not a Tautline key file");
    }
    return Buffer.from(hex, "hex");
  };
  const create = (): Buffer => {
    const there = read();
    if (there !== undefined) {
      there.fill(0);
      throw malformed(where, "a key file is already there and is not overwritten");
    }
    const key = (options.randomBytes ?? randomBytes)(KEY_FILE_BYTES);
    writeFileDurably(path, `tautline-vault-key-1 ${key.toString("hex")}\n`);
    return key;
  };
  return { kind: "key-file", strength: "weak", where, read, create };
}

/** A file that is there and cannot be read locks the vault just as a wrong one does. */
function readSecret(path: string, maxBytes: number, where: string): Buffer | undefined {
  try {
    return readPrivateFile(path, maxBytes);
  } catch (error) {
    if (isTautlineError(error) && error.code === "vault.file_failed") {
      throw malformed(where, `reading it failed (${error.detail["reason"] ?? "?"})`, error);
    }
    throw error;
  }
}

function checkedPassphrase(bytes: Buffer, where: string): Buffer {
  if (bytes.length === 0) {
    throw malformed(where, "it is empty");
  }
  if (bytes.length > LONGEST_PASSPHRASE_BYTES) {
    throw malformed(where, `it is longer than ${LONGEST_PASSPHRASE_BYTES} bytes`);
  }
  return bytes;
}

function withoutLineEnd(bytes: Buffer): Buffer {
  const lineFeed = bytes.at(-1) === 0x0a ? 1 : 0;
  const carriageReturn = lineFeed === 1 && bytes.at(-2) === 0x0d ? 1 : 0;
  return bytes.subarray(0, bytes.length - lineFeed - carriageReturn);
}

function malformed(source: string, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("vault.source_malformed", { detail: { source, reason }, cause });
}
