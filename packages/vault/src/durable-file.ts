import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { TautlineError, isTautlineError } from "@tautline/protocol";

/** Permission bits of group and world. */
const OTHERS = 0o077;

/**
 * Writes a file so that a crash at any point leaves either the old content or the new, whole.
 *
 * The bytes go to a new file in the same folder, are forced to disk, take the old name by rename, and the folder is forced to
 * disk. Leftovers of earlier crashes beside `path` are removed first. The mode holds whatever the umask (A14).
 *
 * @param path the file to replace; a symbolic link or anything but a plain file there is refused
 * @param bytes its whole new content; a string is written as UTF-8
 * @param options `mode`: permission bits, 0600 unless told
 * @throws vault.file_unsafe, vault.file_failed
 */
export function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  options: { readonly mode?: number } = {},
): void {
  const folder = dirname(path);
  attempt(path, "written", () => {
    refuseUnlessPlain(path);
    removeLeftovers(path);
    const temporary = join(folder, temporaryName(path));
    try {
      writeNew(temporary, bytes, options.mode ?? 0o600);
      renameSync(temporary, path);
    } catch (error) {
      unlinkIfThere(temporary);
      throw error;
    }
    syncFolder(folder);
  });
}

/**
 * Makes sure that a folder exists which only this program's user can reach (mode 0700, A14), and returns nothing.
 *
 * Missing parents are made with the same mode. A folder of our own that is open wider is closed; one of another user, or a
 * symbolic link, is refused.
 *
 * @throws vault.file_unsafe, vault.file_failed
 */
export function ensurePrivateFolder(path: string): void {
  // Without this, a slash at the end would make the kernel follow a symbolic link.
  const folder = resolve(path);
  attempt(folder, "prepared", () => {
    syncNewFolders(folder, mkdirSync(folder, { recursive: true, mode: 0o700 }));
    withDescriptor(
      openChecked(folder, constants.O_RDONLY | constants.O_DIRECTORY),
      (descriptor) => {
        const stats = fstatSync(descriptor);
        if (stats.uid !== ownUser()) {
          throw unsafe(folder, "it belongs to another user");
        }
        if ((stats.mode & OTHERS) !== 0) {
          fchmodSync(descriptor, 0o700);
        }
      },
    );
  });
}

/**
 * Reads a small file that nobody else may read: a plain file, mode 0600 or narrower, owned by this user or root (A14).
 *
 * @param path the file; symbolic links are refused
 * @param maxBytes how much is read at most; a larger file is refused
 * @returns its bytes, or `undefined` where there is no such file
 * @throws vault.file_unsafe, vault.file_failed
 */
export function readPrivateFile(path: string, maxBytes: number): Buffer | undefined {
  return attempt(path, "read", () => {
    // O_NONBLOCK: opening a FIFO someone put there must not hang the start.
    const descriptor = openIfThere(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (descriptor === undefined) {
      return undefined;
    }
    return withDescriptor(descriptor, () => {
      refuseUnlessPrivate(path, fstatSync(descriptor));
      return readBounded(path, descriptor, maxBytes);
    });
  });
}

function refuseUnlessPrivate(path: string, stats: Stats): void {
  if (!stats.isFile()) {
    throw unsafe(path, "it is not a plain file");
  }
  if ((stats.mode & OTHERS) !== 0) {
    throw unsafe(path, `other users may reach it (mode ${formatMode(stats.mode)})`);
  }
  if (stats.uid !== ownUser() && stats.uid !== 0) {
    throw unsafe(path, "it belongs to another user");
  }
}

function readBounded(path: string, descriptor: number, maxBytes: number): Buffer {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    length += read;
    if (length > maxBytes) {
      buffer.fill(0);
      throw unsafe(path, `it has more than ${maxBytes} bytes`);
    }
    if (read === 0) {
      return buffer.subarray(0, length);
    }
  }
}

function writeNew(path: string, bytes: Uint8Array | string, mode: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  withDescriptor(openSync(path, flags, mode), (descriptor) => {
    // open() subtracts the umask; the mode asked for is the mode wanted.
    fchmodSync(descriptor, mode);
    writeFileSync(descriptor, bytes);
    fsyncSync(descriptor);
  });
}

function syncFolder(path: string): void {
  withDescriptor(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY), fsyncSync);
}

/** A folder made just now is lost with all in it if the power goes before its parent is on disk. */
function syncNewFolders(folder: string, firstMade: string | undefined): void {
  if (firstMade === undefined) {
    return;
  }
  for (let made = folder; made.length >= firstMade.length; made = dirname(made)) {
    syncFolder(dirname(made));
  }
}

function refuseUnlessPlain(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink() === true) {
    throw unsafe(path, "it is a symbolic link");
  }
  if (stats !== undefined && !stats.isFile()) {
    throw unsafe(path, "it is not a plain file");
  }
}

/** Only one process owns a data folder; were there two, the slower one's rename would fail and the old file stay. */
function removeLeftovers(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    if (isLeftover(name, basename(path))) {
      unlinkIfThere(join(dirname(path), name));
    }
  }
}

function temporaryName(path: string): string {
  return `.${basename(path)}.${randomBytes(8).toString("hex")}.tmp`;
}

function isLeftover(name: string, of: string): boolean {
  const prefix = `.${of}.`;
  return name.startsWith(prefix) && /^[0-9a-f]{16}\.tmp$/.test(name.slice(prefix.length));
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errno(error) !== "ENOENT") {
      throw error;
    }
  }
}

function openIfThere(path: string, flags: number): number | undefined {
  try {
    return openChecked(path, flags);
  } catch (error) {
    if (errno(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

function openChecked(path: string, flags: number): number {
  try {
    return openSync(path, flags | constants.O_NOFOLLOW);
  } catch (error) {
    if (errno(error) === "ELOOP" || errno(error) === "ENOTDIR") {
      throw unsafe(path, "it is a symbolic link, or not of the kind it should be", error);
    }
    throw error;
  }
}

function withDescriptor<Result>(descriptor: number, use: (descriptor: number) => Result): Result {
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function attempt<Result>(file: string, verb: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (isTautlineError(error)) {
      throw error;
    }
    const reason = errno(error) ?? "unknown cause";
    throw new TautlineError("vault.file_failed", { detail: { file, verb, reason }, cause: error });
  }
}

function unsafe(file: string, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("vault.file_unsafe", { detail: { file, reason }, cause });
}

function ownUser(): number | undefined {
  return process.geteuid?.();
}

function formatMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

function errno(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}
