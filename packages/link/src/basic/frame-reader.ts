import type { Slab, SlabPool } from "../slabs/slab.ts";
import { slabOf } from "../slabs/slab.ts";

/** Cuts a stream of bytes into frames: each a 16-bit big-endian length and that many bytes (at most 65,535). */
export interface FrameReader {
  /**
   * Takes what came.
   *
   * @param chunk any bytes
   * @param onFrame told of each frame that is whole now, in order; a frame shares memory with `chunk` or with what is used for the next
   * one, so it has to be read before returning
   */
  take(chunk: Buffer, onFrame: (frame: Buffer) => void): void;
  /** Bytes of a frame that is not whole yet. */
  readonly pendingBytes: number;
  /** Forgets them. */
  close(): void;
}

const LENGTH_BYTES = 2;

/**
 * Makes a reader of frames. It never holds more than one unfinished frame.
 *
 * @param pool to hold that in where it came in a slab; without one it is held in memory of its own
 */
export function createFrameReader(pool?: SlabPool): FrameReader {
  return new LengthPrefixed(pool);
}

class LengthPrefixed implements FrameReader {
  readonly #pool: SlabPool | undefined;
  #held: Buffer = Buffer.alloc(0);
  #slab: Slab | undefined;

  constructor(pool: SlabPool | undefined) {
    this.#pool = pool;
  }

  get pendingBytes(): number {
    return this.#held.length;
  }

  take(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    let rest = chunk;
    while (this.#held.length > 0 && rest.length > 0) rest = this.#complete(rest, onFrame);
    for (let end = frameEnd(rest); end <= rest.length; end = frameEnd(rest)) {
      onFrame(rest.subarray(LENGTH_BYTES, end));
      rest = rest.subarray(end);
    }
    if (rest.length === 0) return;
    if (slabOf(rest) !== undefined) this.#slab ??= this.#pool?.take();
    this.#append(rest);
  }

  close(): void {
    this.#held = Buffer.alloc(0);
    this.#slab?.release();
    this.#slab = undefined;
  }

  /** @returns what is behind the frame that was held, or nothing */
  #complete(chunk: Buffer, onFrame: (frame: Buffer) => void): Buffer {
    const missing = frameEnd(this.#held) - this.#held.length;
    this.#append(chunk.subarray(0, missing));
    const end = frameEnd(this.#held);
    if (this.#held.length === end) {
      onFrame(this.#held.subarray(LENGTH_BYTES));
      this.close();
    }
    return chunk.subarray(missing);
  }

  /** A copy: what was read into is large, or used again. */
  #append(part: Buffer): void {
    const before = this.#held.length;
    if (this.#slab === undefined) {
      this.#held = before === 0 ? Buffer.from(part) : Buffer.concat([this.#held, part]);
    } else {
      part.copy(this.#slab.bytes, before);
      this.#held = this.#slab.bytes.subarray(0, before + part.length);
    }
  }
}

/** Where the frame at the beginning ends, or its length; beyond the end where that is not known yet. */
function frameEnd(bytes: Buffer): number {
  return bytes.length < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + bytes.readUInt16BE(0);
}

/**
 * Writes the length that goes before a frame.
 *
 * @param bytes of the frame, at most 65,535
 */
export function frameLength(bytes: number): Buffer {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt16BE(bytes);
  return length;
}
