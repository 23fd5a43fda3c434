import { type FileHandle, open } from "node:fs/promises";
import { TautlineError } from "@tautline/protocol";
import { encodeRecord, type SegmentRecord } from "./segment.ts";
import { type SegmentFile, segmentPath } from "./segment-files.ts";

/** A segment that has so many bytes is followed by the next: what a crash may send twice is at most one. */
const SEGMENT_BYTES = 1024 * 1024;

/** A record to be written. */
export type NewRecord = Pick<SegmentRecord, "seq" | "keptAtMs" | "sealed">;

/** Writes records to segments, and forces each to the disk before it is acknowledged. */
export interface SegmentWriter {
  /**
   * Writes a record; those that are waiting share one write and one sync.
   *
   * @returns resolved once it is on the disk
   * @throws agent.edge_store_failed
   */
  write(record: NewRecord): Promise<void>;
  /** Ends the segment that is being written, so that it can be read; what comes later goes to another. */
  roll(): Promise<void>;
}

interface OpenSegment {
  readonly handle: FileHandle;
  readonly path: string;
  readonly firstSeq: number;
}

interface Waiting {
  readonly record: NewRecord;
  readonly resolve: () => void;
  readonly reject: (error: TautlineError) => void;
}

/**
 * Makes a writer.
 *
 * @param folder of the store
 * @param onSegment told of each segment that was ended; its size counts what is whole
 */
export function createSegmentWriter(
  folder: string,
  onSegment: (segment: SegmentFile) => void,
): SegmentWriter {
  return new Writer(folder, onSegment);
}

class Writer implements SegmentWriter {
  readonly #folder: string;
  readonly #onSegment: (segment: SegmentFile) => void;
  #waiting: Waiting[] = [];
  #open: OpenSegment | undefined;
  #bytes = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(folder: string, onSegment: (segment: SegmentFile) => void) {
    this.#folder = folder;
    this.#onSegment = onSegment;
  }

  write(record: NewRecord): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ record, resolve, reject });
    if (this.#waiting.length === 1) void this.#then(() => this.#flush());
    return promise;
  }

  roll(): Promise<void> {
    return this.#then(() => this.#end());
  }

  /** One thing after the other; none of them rejects. */
  #then(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(step);
    return this.#work;
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      const bytes = Buffer.concat(batch.flatMap(({ record }) => encodeRecord(record)));
      const { handle } = (this.#open ??= await this.#begin(batch[0]?.record.seq ?? 0));
      await handle.writeFile(bytes);
      await handle.datasync();
      this.#bytes += bytes.length;
      for (const { resolve } of batch) resolve();
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
      const detail = { folder: this.#folder, reason };
      const error = new TautlineError("agent.edge_store_failed", { cause, detail });
      for (const { reject } of batch) reject(error);
      await this.#open?.handle.truncate(this.#bytes).catch(() => {});
      return this.#end();
    }
    if (this.#bytes >= SEGMENT_BYTES) await this.#end();
  }

  async #begin(firstSeq: number): Promise<OpenSegment> {
    const path = segmentPath(this.#folder, firstSeq);
    const handle = await open(path, "wx", 0o600);
    this.#bytes = 0;
    this.#open = { handle, path, firstSeq };
    // A file whose name is not on the disk is lost with all in it.
    const folder = await open(this.#folder, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return this.#open;
  }

  async #end(): Promise<void> {
    const ended = this.#open;
    if (ended === undefined) return;
    this.#open = undefined;
    await ended.handle.close().catch(() => {});
    const { path, firstSeq } = ended;
    this.#onSegment({ path, firstSeq, bytes: this.#bytes });
  }
}
