import { crc32 } from "node:zlib";

/** One record of a segment, as it stands in the file. */
export interface SegmentRecord {
  readonly kind: "record";
  /** Its number; numbers rise by one from record to record, over all segments. */
  readonly seq: number;
  /** When it was kept, in milliseconds since 1970. */
  readonly keptAtMs: number;
  /** What the vault sealed for this number; shares memory with the file's bytes. */
  readonly sealed: Uint8Array;
}

/** A stretch of a segment in which no record can be read. */
export interface SegmentDamage {
  readonly kind: "damage" | "unfinished";
  /** Where it begins in the file, and how long it is. */
  readonly offset: number;
  readonly bytes: number;
  /** Records that were there, as far as the numbers around it tell; one at least, and none where it is `unfinished`. */
  readonly records: number;
}

/** "tlEdgRec": a record begins with it, so that the next one is found behind damage. */
const MAGIC = Buffer.from("746c456467526563", "hex");
/** Magic (8), length of what is sealed (4), number (8), time (8), CRC-32 of the 20 bytes between magic and itself (4). */
export const RECORD_HEAD_BYTES = 32;
/** More is never written, so a greater length is damage. */
export const LARGEST_SEALED_BYTES: number = 64 * 1024 * 1024;

const AT = { length: 8, seq: 12, time: 20, crc: 28 } as const;

/**
 * Writes one record.
 *
 * @param record its number, time and sealed bytes
 * @returns head and bytes, in the order they are written in
 */
export function encodeRecord(
  record: Pick<SegmentRecord, "seq" | "keptAtMs" | "sealed">,
): readonly [Buffer, Uint8Array] {
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32BE(record.sealed.length, AT.length);
  head.writeBigUInt64BE(BigInt(record.seq), AT.seq);
  head.writeBigUInt64BE(BigInt(record.keptAtMs), AT.time);
  head.writeUInt32BE(crcOf(head), AT.crc);
  return [head, record.sealed];
}

/**
 * Reads a segment, whatever stands in it. Together its entries cover every byte; behind damage it goes on at the next head that fits.
 * Whether a record's sealed bytes are whole is for the vault to say.
 *
 * @param file its bytes
 * @param firstSeq number that its first record has
 */
export function readSegment(
  file: Buffer,
  firstSeq: number,
): readonly (SegmentRecord | SegmentDamage)[] {
  const entries: (SegmentRecord | SegmentDamage)[] = [];
  let expected = firstSeq;
  let offset = 0;
  while (offset < file.length) {
    const record = recordAt(file, offset, expected);
    if (record !== undefined) {
      entries.push(record);
      expected = record.seq + 1;
      offset += RECORD_HEAD_BYTES + record.sealed.length;
      continue;
    }
    const next = nextRecord(file, offset + 1, expected);
    entries.push(damageBetween(file, { offset, expected }, next));
    offset = next?.offset ?? file.length;
  }
  return entries;
}

interface Head {
  readonly length: number;
  readonly seq: number;
  readonly keptAtMs: number;
}

function recordAt(file: Buffer, offset: number, expected: number): SegmentRecord | undefined {
  const head = headAt(file, offset, expected);
  const begin = offset + RECORD_HEAD_BYTES;
  if (head === undefined || begin + head.length > file.length) return undefined;
  const { seq, keptAtMs, length } = head;
  return { kind: "record", seq, keptAtMs, sealed: file.subarray(begin, begin + length) };
}

/** Numbers only rise: an older record that was copied to a later place is none. */
function headAt(file: Buffer, offset: number, expected: number): Head | undefined {
  const head = file.subarray(offset, offset + RECORD_HEAD_BYTES);
  if (head.length < RECORD_HEAD_BYTES || !head.subarray(0, MAGIC.length).equals(MAGIC)) {
    return undefined;
  }
  if (head.readUInt32BE(AT.crc) !== crcOf(head)) return undefined;
  const length = head.readUInt32BE(AT.length);
  const seq = Number(head.readBigUInt64BE(AT.seq));
  const keptAtMs = Number(head.readBigUInt64BE(AT.time));
  const isSane = Number.isSafeInteger(seq) && Number.isSafeInteger(keptAtMs) && seq >= expected;
  return isSane && length <= LARGEST_SEALED_BYTES ? { length, seq, keptAtMs } : undefined;
}

function nextRecord(
  file: Buffer,
  from: number,
  expected: number,
): { readonly offset: number; readonly seq: number } | undefined {
  for (let at = file.indexOf(MAGIC, from); at !== -1; at = file.indexOf(MAGIC, at + 1)) {
    const record = recordAt(file, at, expected);
    if (record !== undefined) return { offset: at, seq: record.seq };
  }
  return undefined;
}

/** What was being written when the agent ended was never answered: it stands at the end, and is a record's beginning or zeros. */
function damageBetween(
  file: Buffer,
  { offset, expected }: { readonly offset: number; readonly expected: number },
  next: { readonly offset: number; readonly seq: number } | undefined,
): SegmentDamage {
  const bytes = (next?.offset ?? file.length) - offset;
  if (next === undefined && isBeginning(file.subarray(offset), expected)) {
    return { kind: "unfinished", offset, bytes, records: 0 };
  }
  return { kind: "damage", offset, bytes, records: Math.max(1, (next?.seq ?? 0) - expected) };
}

function isBeginning(rest: Buffer, expected: number): boolean {
  if (rest.length < RECORD_HEAD_BYTES)
    return MAGIC.subarray(0, rest.length).equals(rest.subarray(0, MAGIC.length)) || isZero(rest);
  return headAt(rest, 0, expected) !== undefined || isZero(rest);
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

function crcOf(head: Buffer): number {
  return crc32(head.subarray(AT.length, AT.crc));
}
