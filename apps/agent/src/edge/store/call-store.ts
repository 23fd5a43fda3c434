import { type EdgeLossReason, TautlineError, toTautlineError } from "@tautline/protocol";
import { ensurePrivateFolder, type Vault } from "@tautline/vault";
import { decodeKeptCall, encodeKeptCall, type KeptCall } from "./kept-call.ts";
import { createLosses, type Loss, type Losses, UNKNOWN_CLIENT } from "./losses.ts";
import { takeUpSegments } from "./found-segments.ts";
import { readSegment, RECORD_HEAD_BYTES, type SegmentRecord } from "./segment.ts";
import { readSegmentFile, removeSegment, type SegmentFile } from "./segment-files.ts";
import { createSegmentWriter, type SegmentWriter } from "./segment-writer.ts";
import { openLedger, type StoreLedger } from "./store-ledger.ts";
import type { EdgeTotals } from "./store-state.ts";

/** Where calls are kept, and how many. */
export interface CallStoreOptions {
  /** A folder of its own; made where it is not there. */
  readonly folder: string;
  readonly vault: Pick<Vault, "seal" | "open">;
  /** Of the files of all calls that are kept. */
  readonly maxBytes: number;
  /** A call that was kept for so long is dropped, and counted. */
  readonly maxAgeMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** What the edge came to since it started; kept with the rest. */
  readonly counts?: () => EdgeTotals;
  readonly onProblem: (error: TautlineError) => void;
}

/** A call that is to be sent again. */
export interface StoredCall {
  readonly seq: number;
  readonly call: KeptCall;
}

/** Calls kept on the disk for a backend that cannot be reached, in the order in which they came (SWP-9). */
export interface CallStore {
  /**
   * Keeps a call.
   *
   * @returns resolved once it is on the disk: only then may its program be told that it was taken (promise 3)
   * @throws agent.edge_store_full, agent.edge_store_failed; it is counted as lost
   */
  put(call: KeptCall): Promise<void>;
  /**
   * Gives the oldest calls that are not done with, fewer than `most` where there are no more at hand; none only where there is none.
   * What has become too old is dropped before. One at a time may ask.
   */
  oldest(most: number): Promise<readonly StoredCall[]>;
  /** The backend has taken it. */
  delivered(seq: number): void;
  /** The backend refuses it for good. */
  refused(stored: StoredCall): void;
  /** Counts a call that was not even tried to be kept. */
  countLoss(client: string, reason: EdgeLossReason): void;
  readonly status: CallStoreStatus;
  /** What the edge came to in all its runs, as it counts now. */
  readonly totals: EdgeTotals;
  /** Puts what was counted on the disk, so that a kill takes nothing of it back. @throws vault.file_failed, vault.file_unsafe */
  keep(): void;
  /** Keeps what is done with in mind; calls that are kept stay. */
  close(): Promise<void>;
}

/** What `agent status` shows of it. */
export interface CallStoreStatus {
  readonly calls: number;
  readonly bytes: number;
  readonly losses: readonly Loss[];
  /** Files of kept calls that could not be read at the start; they stay, and their calls are counted as lost. */
  readonly aside: number;
}

/** Where none is open. */
export const NO_STORE: CallStoreStatus = { calls: 0, bytes: 0, losses: [], aside: 0 };

/** Losses that come one after the other are put on the disk so often: a store that is full loses every call. */
const LOSS_PERIOD_MS = 60_000;

/** A segment whose records are being sent. */
interface Head {
  readonly file: SegmentFile;
  readonly lastSeq: number;
  readonly left: Map<number, { readonly call: KeptCall; readonly keptAtMs: number }>;
}

/**
 * Opens a store. What an earlier run left is there again; a damaged state costs duplicates and is told, damaged records are counted
 * and told when their turn comes, and a file that cannot be read is set aside.
 *
 * @param options where, how much, how long
 * @throws vault.file_unsafe, vault.file_failed, agent.edge_store_foreign
 */
export function openCallStore(options: CallStoreOptions): CallStore {
  ensurePrivateFolder(options.folder);
  return new FolderStore(options);
}

class FolderStore implements CallStore {
  readonly #options: CallStoreOptions;
  readonly #ledger: StoreLedger;
  readonly #losses: Losses;
  readonly #writer: SegmentWriter;
  /** Written whole, in order; the first is the next to be read. */
  readonly #segments: SegmentFile[] = [];
  /** Could not be read when their turn came; what the state says is done with ends before them, so a later run tries again. */
  readonly #unread: SegmentFile[] = [];
  readonly #aside: number;
  #head: Head | undefined;
  #cursor: number;
  #nextSeq: number;
  #lossKeptAtMs = Number.NEGATIVE_INFINITY;
  #calls: number;
  #bytes: number;

  constructor(options: CallStoreOptions) {
    this.#options = options;
    const { folder, onProblem } = options;
    this.#ledger = openLedger(options);
    this.#cursor = this.#ledger.cursor;
    this.#losses = createLosses(this.#ledger.losses);
    this.#writer = createSegmentWriter(folder, (segment) => this.#onSegment(segment));
    const { segments, calls, bytes, nextSeq, aside, lost } = takeUpSegments(
      folder,
      this.#cursor,
      onProblem,
    );
    this.#segments.push(...segments);
    [this.#calls, this.#bytes, this.#nextSeq, this.#aside] = [calls, bytes, nextSeq, aside];
    if (lost > 0) this.#losses.add(UNKNOWN_CLIENT, "unreadable", lost);
    if (lost > 0 || this.#ledger.isNew) this.#keepIfPossible();
  }

  get status(): CallStoreStatus {
    const [calls, bytes, aside] = [this.#calls, this.#bytes, this.#aside];
    return { calls, bytes, losses: this.#losses.list, aside };
  }

  get totals(): EdgeTotals {
    return this.#ledger.totals;
  }

  keep(): void {
    const cursor = Math.min(this.#cursor, ...this.#unread.map(({ firstSeq }) => firstSeq - 1));
    this.#ledger.write(cursor, this.#losses.list);
  }

  async put(call: KeptCall): Promise<void> {
    const seq = this.#nextSeq;
    const sealed = this.#options.vault.seal(placeOf(seq), encodeKeptCall(call));
    const bytes = RECORD_HEAD_BYTES + sealed.length;
    if (this.#bytes + bytes > this.#options.maxBytes) {
      this.countLoss(call.client, "full");
      const { maxBytes } = this.#options;
      throw new TautlineError("agent.edge_store_full", { detail: { bytes: maxBytes } });
    }
    this.#nextSeq += 1;
    this.#bytes += bytes;
    try {
      await this.#writer.write({ seq, keptAtMs: this.#options.now(), sealed });
      this.#calls += 1;
    } catch (error) {
      this.#bytes -= bytes;
      this.countLoss(call.client, "disk");
      throw error;
    }
  }

  async oldest(most: number): Promise<readonly StoredCall[]> {
    await this.#expire();
    const head = await this.#readable();
    return [...(head?.left ?? [])].slice(0, most).map(([seq, { call }]) => ({ seq, call }));
  }

  delivered(seq: number): void {
    this.#strike(seq);
  }

  refused({ seq, call }: StoredCall): void {
    if (this.#strike(seq)) this.#losses.add(call.client, "refused");
  }

  countLoss(client: string, reason: EdgeLossReason): void {
    this.#losses.add(client, reason);
    const sinceMs = this.#options.now() - this.#lossKeptAtMs;
    // A clock that was set back must not keep it from the disk for as long as that.
    if (sinceMs >= 0 && sinceMs < LOSS_PERIOD_MS) return;
    this.#lossKeptAtMs = this.#options.now();
    this.#keepIfPossible();
  }

  async close(): Promise<void> {
    await this.#writer.roll();
    const [next] = this.#head?.left.keys() ?? [];
    if (next !== undefined) this.#cursor = Math.max(this.#cursor, next - 1);
    this.#keepIfPossible();
  }

  /** Where it is not, it costs duplicates, and no call. */
  #keepIfPossible(): void {
    try {
      this.keep();
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
    }
  }

  async #expire(): Promise<void> {
    const tooOldMs = this.#options.now() - this.#options.maxAgeMs;
    for (;;) {
      const head = await this.#readable();
      const [first] = head?.left ?? [];
      if (first === undefined || first[1].keptAtMs > tooOldMs) return;
      const [seq, { call }] = first;
      this.#losses.add(call.client, "age");
      this.#strike(seq);
    }
  }

  /** Gives the segment at the head with at least one call in it; undefined where nothing is kept. */
  async #readable(): Promise<Head | undefined> {
    for (;;) {
      if (this.#head !== undefined && this.#head.left.size > 0) return this.#head;
      this.#retire();
      if (this.#segments.length === 0) await this.#writer.roll();
      const file = this.#segments.shift();
      if (file === undefined) return undefined;
      this.#head = this.#openSegment(file);
    }
  }

  /** One that cannot be read now is passed over, and left there for another run. */
  #openSegment(file: SegmentFile): Head | undefined {
    const left: Head["left"] = new Map();
    let lastSeq = file.firstSeq;
    try {
      for (const entry of readSegment(readSegmentFile(file), file.firstSeq)) {
        if (entry.kind === "record") {
          lastSeq = entry.seq;
          if (entry.seq > (file.asideAfter ?? this.#cursor)) this.#openRecord(file, entry, left);
        } else if (entry.kind === "damage") {
          this.#onDamage(file, `byte ${entry.offset}`, entry.records);
        }
      }
      return { file, lastSeq, left };
    } catch (error) {
      if (file.asideAfter === undefined) this.#unread.push(file);
      this.#options.onProblem(toTautlineError(error));
      return undefined;
    }
  }

  #openRecord(
    file: SegmentFile,
    { seq, keptAtMs, sealed }: SegmentRecord,
    left: Head["left"],
  ): void {
    try {
      const call = decodeKeptCall(this.#options.vault.open(placeOf(seq), sealed));
      left.set(seq, { call, keptAtMs });
    } catch (error) {
      this.#calls -= 1;
      this.#onDamage(file, `record ${seq}`, 1, toTautlineError(error));
    }
  }

  #onDamage({ path }: SegmentFile, place: string, records: number, cause?: unknown): void {
    this.#losses.add(UNKNOWN_CLIENT, "damage", records);
    const detail = { file: path, place, records };
    this.#options.onProblem(new TautlineError("agent.edge_record_damaged", { cause, detail }));
  }

  #strike(seq: number): boolean {
    const head = this.#head;
    if (head === undefined || !head.left.delete(seq)) return false;
    this.#calls -= 1;
    if (head.left.size === 0) this.#retire();
    return true;
  }

  /**
   * That its records are done with is on the disk before it is removed: what was lost in it is counted once. Where the disk takes nothing,
   * it goes first, which makes room, and nothing of it is sent again.
   */
  #retire(): void {
    if (this.#head === undefined) return;
    const { file, lastSeq } = this.#head;
    this.#head = undefined;
    this.#bytes -= file.bytes;
    this.#cursor = Math.max(this.#cursor, lastSeq);
    try {
      this.keep();
      removeSegment(file);
    } catch (error) {
      this.#options.onProblem(toTautlineError(error));
      this.#removeFirst(file);
    }
  }

  #removeFirst(file: SegmentFile): void {
    try {
      removeSegment(file);
      this.keep();
    } catch {
      // It was told already.
    }
  }

  #onSegment(segment: SegmentFile): void {
    if (segment.bytes === 0) removeSegment(segment);
    else this.#segments.push(segment);
  }
}

function placeOf(seq: number): { table: string; row: string; column: string } {
  return { table: "edge", row: String(seq), column: "call" };
}
