import { existsSync, readFileSync } from "node:fs";
import { TautlineError } from "@tautline/protocol";

/*
 * The write-ahead log, by sqlite.org/fileformat2.html section 4. At a start SQLite takes its frames up to the first whose checksum
 * is wrong and drops the rest without a word: right for a commit that was cut off, and the loss of everything acknowledged since for one
 * bit that changed on the disk. The two can be told apart: each commit is synced before the next one begins (synchronous=FULL), so
 * whatever is cut off is the last one.
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;
const SUMMED_BYTES_OF_HEADER = 24;
const SUMMED_BYTES_OF_FRAME_HEADER = 8;

type Checksum = readonly [number, number];

/**
 * Refuses a write-ahead log that was damaged after it was written; to be done before SQLite opens the database.
 *
 * @param file path of the database
 * @throws store.damaged naming the log, store.failed
 */
export function refuseDamagedLog(file: string): void {
  const log = `${file}-wal`;
  if (!existsSync(log)) return;
  const reason = findDamage(readWhole(log));
  if (reason !== undefined)
    throw new TautlineError("store.damaged", { detail: { file: log, reason } });
}

/**
 * Looks for damage in a write-ahead log.
 *
 * @param log its bytes; a commit that was cut off is no damage
 * @returns what is wrong, or undefined
 */
export function findDamage(log: Buffer): string | undefined {
  if (log.length <= HEADER_BYTES) return undefined;
  const isBigEndian = log.readUInt32BE(0) === MAGIC + 1;
  if (!isBigEndian && log.readUInt32BE(0) !== MAGIC) return "its header cannot be read";
  const sum = (from: number, bytes: number, start: Checksum): Checksum =>
    checksum(log.subarray(from, from + bytes), start, isBigEndian);
  let running = sum(0, SUMMED_BYTES_OF_HEADER, [0, 0]);
  if (!isChecksumAt(log, SUMMED_BYTES_OF_HEADER, running))
    return "its header is not what was written";
  const pageBytes = log.readUInt32BE(8);
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const isFrame = (at: number): boolean => at + frameBytes <= log.length;
  let at = HEADER_BYTES;
  for (; isFrame(at) && saltBitsWrong(log, at) === 0; at += frameBytes) {
    running = sum(at, SUMMED_BYTES_OF_FRAME_HEADER, running);
    running = sum(at + FRAME_HEADER_BYTES, pageBytes, running);
    if (!isChecksumAt(log, at + 16, running)) break;
  }
  const brokenAt = at;
  // What comes now was cut off, if it is one commit at the most; frames of an earlier round of the log lie behind it.
  for (let hasEnded = false; isFrame(at); at += frameBytes) {
    // Salts of two rounds differ in far more than the one bit that a damaged frame may have wrong.
    if (saltBitsWrong(log, at) > 1) continue;
    if (hasEnded) return `its frame at byte ${brokenAt} is not what was written`;
    hasEnded = isCommit(log, at);
  }
  return undefined;
}

/** The salts of a frame are those of the header, in each round of the log others; no checksum covers them. */
function saltBitsWrong(log: Buffer, at: number): number {
  let different = 0;
  for (const offset of [0, 4]) {
    let bits = log.readUInt32BE(16 + offset) ^ log.readUInt32BE(at + 8 + offset);
    for (; bits !== 0; bits &= bits - 1) different += 1;
  }
  return different;
}

/** Of the last frame of a commit the header tells the size of the database. */
function isCommit(log: Buffer, at: number): boolean {
  return log.readUInt32BE(at + 4) !== 0;
}

function isChecksumAt(log: Buffer, at: number, [first, second]: Checksum): boolean {
  return log.readUInt32BE(at) === first && log.readUInt32BE(at + 4) === second;
}

/** sqlite.org/fileformat2.html section 4.2. */
function checksum(bytes: Buffer, [first, second]: Checksum, isBigEndian: boolean): Checksum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [one, two] = [first, second];
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    one = (one + view.getUint32(at, !isBigEndian) + two) >>> 0;
    two = (two + view.getUint32(at + 4, !isBigEndian) + one) >>> 0;
  }
  return [one, two];
}

function readWhole(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    throw new TautlineError("store.failed", { cause, detail: { file, reason } });
  }
}
