import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { TautlineError } from "@tautline/protocol";

/** One file of a set. */
export interface SetFile {
  /** Plain name below the folder. */
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
}

/** Where a set goes, and what may happen to what is there. */
export interface FileSetOptions {
  /** Made where it is missing. */
  readonly folder: string;
  /** Files of the same names are replaced; else they are a refusal. */
  readonly replace: boolean;
  /** Who shall own the files; without it they stay this process's. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** A name of one file, and nothing that leads elsewhere. */
export const FILE_NAME: RegExp = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

const NEW = ".tautline-new";
const OLD = ".tautline-old";

/**
 * Writes files that belong together: each is on the disk before any is seen, and then they take their places one right after the
 * other in the order given. Where one cannot, those that did are put back, so that all are there or none.
 *
 * Links in the place of a file are replaced and never followed; nobody else can put one in the place of what is being written.
 *
 * @param files in the order in which they take their places
 * @param options where to
 * @throws certificate.file_exists, certificate.file_unwritable
 */
export function writeFileSet(files: readonly SetFile[], options: FileSetOptions): void {
  const { folder, replace } = options;
  const paths = files.map(({ name }) => `${folder}/${name}`);
  const there = replace ? undefined : paths.find((path) => existsSync(path));
  if (there !== undefined) throw fileExists(there);
  guarded(folder, () => makeFolder(folder));
  const placed: Placed[] = [];
  try {
    files.forEach((file, at) => guarded(paths[at] ?? folder, () => prepare(file, options)));
    for (const path of paths) placed.push(guarded(path, () => place(path, replace)));
    guarded(folder, () => syncFolder(folder));
  } catch (error) {
    for (const { path, hasOld } of placed.toReversed()) takeBack(path, hasOld);
    throw error;
  } finally {
    for (const path of paths) {
      rmSync(path + NEW, { force: true });
      rmSync(path + OLD, { force: true });
    }
  }
}

/** Step by step: where a parent is there and nothing can be made in it, as in /proc, Node's own `recursive` never ends. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    const end = folder.lastIndexOf("/");
    if (codeOf(error) !== "ENOENT" || end < 1) throw error;
    makeFolder(folder.slice(0, end));
    mkdirSync(folder);
  }
}

interface Placed {
  readonly path: string;
  readonly hasOld: boolean;
}

function prepare({ name, content, mode }: SetFile, { folder, owner }: FileSetOptions): void {
  const path = `${folder}/${name}${NEW}`;
  // Left by a process that was killed.
  rmSync(path, { force: true });
  // Exclusive: opened by nobody before it has its mode, and no link is followed.
  const descriptor = openSync(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
    0o600,
  );
  try {
    writeFileSync(descriptor, content);
    if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid);
    // After the owner, whose change takes bits away; and past the umask.
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function place(path: string, replace: boolean): Placed {
  if (!replace) {
    // Fails where somebody has put one there meanwhile.
    linkSync(path + NEW, path);
    return { path, hasOld: false };
  }
  rmSync(path + OLD, { force: true });
  const hasOld = keepOld(path);
  renameSync(path + NEW, path);
  return { path, hasOld };
}

function keepOld(path: string): boolean {
  try {
    linkSync(path, path + OLD);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function takeBack(path: string, hasOld: boolean): void {
  if (hasOld) renameSync(path + OLD, path);
  else rmSync(path, { force: true });
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function guarded<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") throw fileExists(file);
    const reason = cause instanceof Error ? (codeOf(cause) ?? cause.message) : "it failed";
    throw new TautlineError("certificate.file_unwritable", { cause, detail: { file, reason } });
  }
}

function fileExists(file: string): TautlineError {
  return new TautlineError("certificate.file_exists", { detail: { file } });
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : undefined;
}
