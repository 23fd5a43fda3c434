/** Cuts a stream of bytes into frames: each a 16-bit big-endian length and that many bytes (at most 65,535). */
export interface FrameReader {
  /**
   * Takes what came.
   *
   * @param chunk any bytes
   * @returns the frames that are whole now, in order; a frame may share memory with `chunk` and may be changed by whoever takes it
   */
  take(chunk: Buffer): Buffer[];
  /** Bytes of a frame that is not whole yet. */
  readonly pendingBytes: number;
}

const LENGTH_BYTES = 2;

/** Makes a reader of frames. It never holds more than one unfinished frame. */
export function createFrameReader(): FrameReader {
  let held = Buffer.alloc(0);
  return {
    get pendingBytes() {
      return held.length;
    },
    take: (chunk) => {
      const frames: Buffer[] = [];
      let rest = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      while (rest.length >= LENGTH_BYTES) {
        const end = LENGTH_BYTES + rest.readUInt16BE(0);
        if (rest.length < end) break;
        frames.push(rest.subarray(LENGTH_BYTES, end));
        rest = rest.subarray(end);
      }
      // A copy: what was read into may be a large buffer that would be held for a few bytes of it.
      held = rest.length === 0 ? Buffer.alloc(0) : Buffer.from(rest);
      return frames;
    },
  };
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
