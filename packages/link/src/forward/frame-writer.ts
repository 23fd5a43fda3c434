import type { Writable } from "node:stream";
import {
  FORWARD_HEADER_BYTES,
  type ForwardControlFrame,
  LIMITS,
  writeForwardHeader,
} from "@tautline/protocol";
import { memoryOf } from "../slabs/counted-memory.ts";
import { hasRoom } from "./turn-writer.ts";

const MAX_DATA_BYTES = LIMITS.forwardDataBytes.value;

/** Writes frames to the secured stream of a forward's link. */
export class FrameWriter {
  readonly #secured: Writable;

  constructor(secured: Writable) {
    this.#secured = secured;
  }

  /**
   * Writes payload as a data frame of one piece, as TLS would copy two to join them.
   *
   * @param frame 4 bytes for the header, and 1 to 262,144 of payload; it must not be changed any more, and its slab is held until it is out
   * @returns false where whoever reads it should wait for the secured stream's "drain"
   */
  frame(frame: Uint8Array): boolean {
    writeForwardHeader(frame, "data", frame.length - FORWARD_HEADER_BYTES);
    const memory = memoryOf(frame);
    memory?.retain();
    this.#secured.write(frame, memory?.release);
    return hasRoom(this.#secured, this.#secured.writableLength, frame);
  }

  /**
   * Writes payload as data frames; it must not be changed any more.
   *
   * @param payload 1 byte or more
   * @returns false where whoever reads it should wait for the secured stream's "drain"
   */
  data(payload: Uint8Array): boolean {
    let hasRoomLeft = true;
    this.#secured.cork();
    for (let at = 0; at < payload.length; at += MAX_DATA_BYTES) {
      const part =
        payload.length <= MAX_DATA_BYTES ? payload : payload.subarray(at, at + MAX_DATA_BYTES);
      const header = Buffer.allocUnsafe(FORWARD_HEADER_BYTES);
      this.#secured.write(writeForwardHeader(header, "data", part.length));
      hasRoomLeft = this.#secured.write(part);
    }
    this.#secured.uncork();
    return hasRoomLeft;
  }

  /** Writes a control frame. */
  control(frame: ForwardControlFrame, payload: Uint8Array): void {
    const bytes = Buffer.allocUnsafe(FORWARD_HEADER_BYTES + payload.length);
    writeForwardHeader(bytes, frame, payload.length).set(payload, FORWARD_HEADER_BYTES);
    this.#secured.write(bytes);
  }
}
