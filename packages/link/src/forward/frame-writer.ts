import type { Writable } from "node:stream";
import {
  FORWARD_HEADER_BYTES,
  type ForwardControlFrame,
  LIMITS,
  writeForwardHeader,
} from "@tautline/protocol";

const MAX_DATA_BYTES = LIMITS.forwardDataBytes.value;

/**
 * Holds back what is written to a stream until the end of this turn of the event loop, so that many small writes become one.
 * Nothing is copied, and nothing waits for more than what is at hand.
 */
export class TurnWriter {
  readonly #stream: Writable;
  #isCorked = false;
  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#stream.uncork();
  };

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Writes bytes; returns false where the writer should wait for "drain". */
  write(bytes: Uint8Array): boolean {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
      setImmediate(this.#uncork);
    }
    return this.#stream.write(bytes);
  }
}

/** Writes frames to the secured stream of a forward's link. */
export class FrameWriter {
  readonly #turn: TurnWriter;

  constructor(secured: Writable) {
    this.#turn = new TurnWriter(secured);
  }

  /**
   * Writes payload as data frames; it must not be changed any more.
   *
   * @param payload 1 byte or more
   * @returns false where whoever reads it should wait for the secured stream's "drain"
   */
  data(payload: Uint8Array): boolean {
    let hasRoom = true;
    for (let at = 0; at < payload.length; at += MAX_DATA_BYTES) {
      const part =
        payload.length <= MAX_DATA_BYTES ? payload : payload.subarray(at, at + MAX_DATA_BYTES);
      const header = Buffer.allocUnsafe(FORWARD_HEADER_BYTES);
      this.#turn.write(writeForwardHeader(header, "data", part.length));
      hasRoom = this.#turn.write(part);
    }
    return hasRoom;
  }

  /** Writes a control frame. */
  control(frame: ForwardControlFrame, payload: Uint8Array): void {
    const header = Buffer.allocUnsafe(FORWARD_HEADER_BYTES);
    this.#turn.write(writeForwardHeader(header, frame, payload.length));
    this.#turn.write(payload);
  }
}
