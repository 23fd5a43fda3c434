import { readdirSync, statSync, unlinkSync } from "node:fs";
import { readPrivateFile } from "@tautline/vault";
import { join } from "node:path";

/** A segment that is on the disk and written no more. */
export interface SegmentFile {
  readonly path: string;
  /** Number of its first record; part of its name. */
  readonly firstSeq: number;
  readonly bytes: number;
}

const NAME = /^calls-([0-9]{16})\.kept$/;

/**
 * Names the segment that begins with a record.
 *
 * @param folder of the store
 * @param firstSeq number of its first record
 */
export function segmentPath(folder: string, firstSeq: number): string {
  return join(folder, `calls-${String(firstSeq).padStart(16, "0")}.kept`);
}

/**
 * Lists the segments of a folder in the order of their records; other files are left alone.
 *
 * @param folder of the store
 */
export function listSegments(folder: string): SegmentFile[] {
  return readdirSync(folder)
    .flatMap((name): SegmentFile[] => {
      const [, digits] = NAME.exec(name) ?? [];
      if (digits === undefined) return [];
      const path = join(folder, name);
      return [{ path, firstSeq: Number(digits), bytes: statSync(path).size }];
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
  return readPrivateFile(path, statSync(path).size) ?? Buffer.alloc(0);
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
