import { Duplex } from "node:stream";
import { memoryOf } from "../slabs/counted-memory.ts";
import type { PlainEnd } from "./plain-end.ts";

/** As much as a read of a socket gives; more would only wait here. */
const BUFFERED_BYTES = 64 * 1024;

/**
 * Makes a pair of which each end reads what was written to the other, with backpressure and half-close: so that one stream goes on
 * into another without a socket between them.
 *
 * The end of one is no end of the other: whoever carries both resets the second when the first breaks.
 */
export function createJoint(): readonly [PlainEnd, PlainEnd] {
  const [one, other] = [new JointEnd(), new JointEnd()];
  one.meet(other);
  other.meet(one);
  return [one, other];
}

class JointEnd extends Duplex implements PlainEnd {
  #other: JointEnd | undefined;
  /** A write at the other end that waits until there is room here. */
  #held: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true, highWaterMark: BUFFERED_BYTES });
  }

  meet(other: JointEnd): void {
    this.#other = other;
  }

  setNoDelay(): void {}

  resetAndDestroy(): void {
    this.destroy();
  }

  override _read(): void {
    const go = this.#held;
    this.#held = undefined;
    go?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const other = this.#other;
    if (other === undefined || other.destroyed) return done(new Error("the other end is gone"));
    // Memory that is lent is taken back as soon as this write is done, while the other end may still hold the chunk.
    if (other.push(memoryOf(chunk) === undefined ? chunk : Buffer.from(chunk))) done();
    else other.#held = done;
  }

  override _final(done: () => void): void {
    this.#other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Nobody reads here any more: a writer that waits would wait for ever.
    this._read();
    done(error);
  }
}
