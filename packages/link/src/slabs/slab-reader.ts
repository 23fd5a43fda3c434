import type { Duplex } from "node:stream";
import { readIntoOwn } from "./own-buffers.ts";
import { type Slab, SLAB_BYTES, type SlabPool } from "./slab.ts";

/** A read of so much says that more will follow; smaller ones are copied, so that a stream at rest holds no memory. */
const BUSY_BYTES = 8 * 1024;
/** What small reads go through, of all streams: each is copied before the next one can come. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** How a stream is read. */
export interface SlabReaderOptions {
  /** Without slabs it is read as Node does. */
  readonly pool: SlabPool | undefined;
  /** Bytes that are left free before each read. */
  readonly headroom: number;
  /** A slab with less room than that is left for another one; bytes. */
  readonly leastRoom: number;
  /**
   * Takes a read.
   *
   * @param bytes what was read, behind the headroom; whoever keeps them after returning retains their slab, if they have one
   */
  readonly take: (bytes: Buffer) => void;
}

/**
 * Reads a socket into slabs while much comes, and through one small buffer that all share while little does.
 *
 * @param stream a connected socket, TLS or not
 * @param options who takes what is read
 * @returns whether it does; if not all comes by "data", and so does what was read before
 */
export function readIntoSlabs(stream: Duplex, options: SlabReaderOptions): boolean {
  if (options.pool === undefined) return false;
  const reader = new SlabReader(options);
  const isRead = readIntoOwn(stream, reader);
  if (isRead) stream.once("close", () => reader.close());
  return isRead;
}

class SlabReader {
  readonly #options: SlabReaderOptions;
  readonly #scratch: Uint8Array;
  #slab: Slab | undefined;
  #at = 0;
  #isBusy = false;

  constructor(options: SlabReaderOptions) {
    this.#options = options;
    this.#scratch = scratch.subarray(options.headroom);
  }

  readonly next = (): Uint8Array => {
    const { pool, headroom, leastRoom } = this.#options;
    if (!this.#isBusy || (this.#slab !== undefined && !this.#makeRoom(headroom + leastRoom))) {
      this.close();
    }
    if (this.#isBusy && this.#slab === undefined) {
      this.#slab = pool?.take();
      this.#at = 0;
    }
    return this.#slab?.bytes.subarray(this.#at + headroom) ?? this.#scratch;
  };

  readonly take = (count: number): void => {
    const length = this.#options.headroom + count;
    this.#isBusy = count >= BUSY_BYTES;
    this.#options.take(this.#slab === undefined ? copied(length) : this.#cut(this.#slab, length));
  };

  close(): void {
    this.#slab?.release();
    this.#slab = undefined;
  }

  #makeRoom(bytes: number): boolean {
    if (this.#slab?.isFree === true) this.#at = 0;
    return SLAB_BYTES - this.#at >= bytes;
  }

  #cut(slab: Slab, length: number): Buffer {
    const start = this.#at;
    this.#at += length;
    return slab.bytes.subarray(start, this.#at);
  }
}

function copied(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  scratch.copy(bytes, 0, 0, length);
  return bytes;
}
