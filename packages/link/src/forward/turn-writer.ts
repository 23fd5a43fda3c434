import type { Writable } from "node:stream";
import { memoryOf } from "../slabs/counted-memory.ts";
import { SLAB_BYTES, slabOf } from "../slabs/slab.ts";

/** In slabs, of which there are only so many, more may wait than in memory that is made for each read. */
const MOST_WAITING_BYTES = 2 * SLAB_BYTES;

/** What is shorter most often comes alone: it does not wait for the end of the turn. */
const SMALL_BYTES = 4 * 1024;

/**
 * Whether more may be written to a stream.
 *
 * @param waitingBytes that it has not written yet
 * @param last of them
 */
export function hasRoom(stream: Writable, waitingBytes: number, last: Uint8Array): boolean {
  const most = slabOf(last) === undefined ? stream.writableHighWaterMark : MOST_WAITING_BYTES;
  return waitingBytes < most;
}

/**
 * Holds back what is written to a stream until the end of this turn of the event loop, so that many writes become one, and what stands
 * side by side in memory becomes one piece. Nothing is copied, and nothing waits for more than what is at hand; what is short and finds
 * nothing before it goes out at once.
 */
export class TurnWriter {
  readonly #stream: Writable;
  readonly #onRoom: () => void;
  #isCorked = false;
  /** Somebody was told to wait. */
  #isAwaited = false;
  /** Not yet given to the stream, as what comes next may stand right behind it. */
  #held: Uint8Array | undefined;
  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#pass();
    this.#stream.uncork();
    // What was waited for may have gone out before the stream was full by its own count: it then says nothing.
    if (this.#isAwaited && !this.#stream.writableNeedDrain) this.#tellRoom();
  };
  readonly #tellRoom = (): void => {
    this.#isAwaited = false;
    this.#onRoom();
  };

  /**
   * @param stream that is written to by nobody else
   * @param onRoom told when there is room again after `write` has returned false
   */
  constructor(stream: Writable, onRoom: () => void) {
    this.#stream = stream.on("drain", this.#tellRoom);
    this.#onRoom = onRoom;
  }

  /**
   * Writes bytes; where the users of their memory are counted, it is held until they are out.
   *
   * @returns false where the writer should wait for room
   */
  write(bytes: Uint8Array): boolean {
    if (!this.#isCorked) {
      if (bytes.length < SMALL_BYTES && this.#stream.writableLength === 0) return this.#give(bytes);
      this.#isCorked = true;
      this.#stream.cork();
      setImmediate(this.#uncork);
    }
    const held = this.#held;
    if (held !== undefined && isFollowedBy(held, bytes)) {
      this.#held = new Uint8Array(held.buffer, held.byteOffset, held.length + bytes.length);
    } else {
      this.#pass();
      memoryOf(bytes)?.retain();
      this.#held = bytes;
    }
    const waiting = this.#stream.writableLength + (this.#held?.length ?? 0);
    this.#isAwaited ||= !hasRoom(this.#stream, waiting, bytes);
    return !this.#isAwaited;
  }

  /** Ends the stream after all that was written. */
  end(): void {
    this.#pass();
    this.#stream.end();
  }

  #pass(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#stream.write(held, memoryOf(held)?.release);
  }

  #give(bytes: Uint8Array): boolean {
    const memory = memoryOf(bytes);
    memory?.retain();
    return this.#stream.write(bytes, memory?.release);
  }
}

function isFollowedBy(one: Uint8Array, other: Uint8Array): boolean {
  return one.buffer === other.buffer && one.byteOffset + one.length === other.byteOffset;
}
