import { TautlineError, toTautlineError } from "@tautline/protocol";
import { readSegment, RECORD_HEAD_BYTES } from "./segment.ts";
import {
  listSegments,
  readSegmentFile,
  removeSegment,
  type SegmentFile,
  setAside,
} from "./segment-files.ts";

/** What earlier runs left in the folder of a store. */
export interface FoundSegments {
  /** With at least one record that is not done with, in order. */
  readonly segments: readonly SegmentFile[];
  /** Records in them that are not done with, as their heads say. */
  readonly calls: number;
  readonly bytes: number;
  /** No record that was ever written has this number or a greater one. */
  readonly nextSeq: number;
  /** Files that cannot be read, now or since an earlier start. */
  readonly aside: number;
  /** Records of those that were set aside just now, as far as the numbers around them tell. */
  readonly lost: number;
}

interface Found {
  readonly segments: SegmentFile[];
  calls: number;
  bytes: number;
  nextSeq: number;
  aside: number;
  lost: number;
}

/**
 * Takes up what earlier runs left: what can be read is counted by its heads, what is done with is removed, and a file that cannot be
 * read is set aside, so that the telemetry in it hinders nothing else. One that was set aside before and can be read now is taken up.
 *
 * @param folder of the store
 * @param cursor every record up to this number is done with
 * @param onProblem told of each file that cannot be read
 * @throws vault.file_failed where a file can be neither read nor renamed: then the folder is not the agent's to use
 */
export function takeUpSegments(
  folder: string,
  cursor: number,
  onProblem: (error: TautlineError) => void,
): FoundSegments {
  const listed = listSegments(folder);
  const found: Found = {
    segments: [],
    calls: 0,
    bytes: 0,
    nextSeq: cursor + 1,
    aside: 0,
    lost: 0,
  };
  for (const [at, segment] of listed.entries()) {
    try {
      takeUp(found, segment, segment.asideAfter ?? cursor);
    } catch (error) {
      const next = listed[at + 1]?.firstSeq;
      passOver(found, segment, { folder, cursor, next, onProblem, cause: toTautlineError(error) });
    }
  }
  return found;
}

function takeUp(found: Found, segment: SegmentFile, cursor: number): void {
  const entries = readSegment(readSegmentFile(segment), segment.firstSeq);
  const records = entries.filter((one) => one.kind === "record");
  const last = records.at(-1)?.seq ?? segment.firstSeq - 1;
  found.nextSeq = Math.max(found.nextSeq, last + 1, segment.firstSeq + 1);
  if (Math.max(last, segment.firstSeq) <= cursor) {
    removeSegment(segment);
    return;
  }
  found.segments.push(segment);
  found.bytes += segment.bytes;
  found.calls += records.filter(({ seq }) => seq > cursor).length;
}

function passOver(
  found: Found,
  segment: SegmentFile,
  {
    folder,
    cursor,
    next,
    onProblem,
    cause,
  }: {
    readonly folder: string;
    readonly cursor: number;
    /** Number of the first record of the segment behind it. */
    readonly next: number | undefined;
    readonly onProblem: (error: TautlineError) => void;
    readonly cause: TautlineError;
  },
): void {
  const { firstSeq, bytes, asideAfter } = segment;
  // More records than heads would fit has no file: numbers in it are not given a second time.
  found.nextSeq = Math.max(found.nextSeq, firstSeq + 1 + Math.ceil(bytes / RECORD_HEAD_BYTES));
  const isDone = asideAfter === undefined && next !== undefined && next - 1 <= cursor;
  if (isDone) {
    removeSegment(segment);
    return;
  }
  const after = Math.max(cursor, firstSeq - 1);
  const calls = Math.max(1, (next ?? 0) - 1 - after);
  const file = asideAfter === undefined ? setAside(folder, segment, after) : segment.path;
  found.aside += 1;
  if (asideAfter === undefined) found.lost += calls;
  const detail = { file, reason: String(cause.detail["reason"] ?? cause.message) };
  onProblem(new TautlineError("agent.edge_segment_unreadable", { cause, detail }));
}
