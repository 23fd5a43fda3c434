import { readdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { TautlineError } from "@tautline/protocol";
import { readPrivateFile } from "@tautline/vault";

/** A segment that is on the disk and written no more. */
export interface SegmentFile {
  readonly path: string;
  /** Number of its first record; part of its name. */
  readonly firstSeq: number;
  readonly bytes: number;
  /** Of one that was set aside: its records up to this were done with then. Undefined for all others. */
  readonly asideAfter?: number;
}

const NAME = /^calls-([0-9]{16})(?:\.kept|-after-([0-9]{16})\.unreadable)$/;

/**
 * Names the segment that begins with a record.
 *
 * @param folder of the store
 * @param firstSeq number of its first record
 */
export function segmentPath(folder: string, firstSeq: number): string {
  return join(folder, `calls-${digitsOf(firstSeq)}.kept`);
}

/**
 * Lists the segments of a folder in the order of their records, those that were set aside among them; other files are left alone.
 *
 * @param folder of the store
 */
export function listSegments(folder: string): SegmentFile[] {
  return readdirSync(folder)
    .flatMap((name): SegmentFile[] => {
      const [, digits, after] = NAME.exec(name) ?? [];
      if (digits === undefined) return [];
      const path = join(folder, name);
      const aside = after === undefined ? {} : { asideAfter: Number(after) };
      return [{ path, firstSeq: Number(digits), bytes: sizeOf(path), ...aside }];
    })
    .toSorted((a, b) => a.firstSeq - b.firstSeq);
}

/**
 * Reads a segment whole.
 *
 * @param segment to be read
 * @throws vault.file_unsafe, vault.file_failed
 */
export function readSegmentFile({ path }: Pick<SegmentFile, "path">): Buffer {
  return readPrivateFile(path, sizeOf(path)) ?? Buffer.alloc(0);
}

/**
 * Sets a segment aside that cannot be read: it stays, under a name that says what of it was done with, and every start tries it again.
 *
 * @param folder of the store
 * @param segment that cannot be read
 * @param after its records up to this number are done with
 * @returns its new path
 * @throws vault.file_failed
 */
export function setAside(
  folder: string,
  { path, firstSeq }: Pick<SegmentFile, "path" | "firstSeq">,
  after: number,
): string {
  const file = join(folder, `calls-${digitsOf(firstSeq)}-after-${digitsOf(after)}.unreadable`);
  try {
    renameSync(path, file);
    return file;
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    const detail = { file: path, verb: "renamed", reason };
    throw new TautlineError("vault.file_failed", { cause, detail });
  }
}

/**
 * Removes a segment; one that is gone already is no mistake.
 *
 * @param segment of which every record is done with
 */
export function removeSegment({ path }: SegmentFile): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function digitsOf(seq: number): string {
  return String(seq).padStart(16, "0");
}

/** One that cannot even be asked is unreadable, which is found when it is read. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
