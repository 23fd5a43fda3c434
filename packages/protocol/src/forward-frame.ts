import { TautlineError } from "./error.ts";
import { LIMITS } from "./limits.ts";

/** The frames of a forward's link and the byte that each begins with. */
export const FORWARD_FRAMES = {
  open: 1,
  opened: 2,
  refused: 3,
  data: 4,
  end: 5,
  reset: 6,
  close: 7,
  alive: 8,
} as const;

/** A frame by its name. */
export type ForwardFrame = keyof typeof FORWARD_FRAMES;

/** A frame that is small and read whole; all but `data`. */
export type ForwardControlFrame = Exclude<ForwardFrame, "data">;

/** Before every payload: the type in 1 byte and the payload's length in 3, big endian. */
export const FORWARD_HEADER_BYTES = 4;

/** The payload of an `end`: how many bytes of data its sender has sent in this stream. */
export const FORWARD_END_BYTES = 8;

/** The payload of an `alive`, which means nothing. */
export const FORWARD_ALIVE_BYTES = 1;

/** The control frames whose payload has one length only. */
const FIXED_BYTES: Readonly<Partial<Record<ForwardFrame, number>>> = {
  end: FORWARD_END_BYTES,
  alive: FORWARD_ALIVE_BYTES,
};

/** Takes what a decoder reads. */
export interface ForwardSink {
  /**
   * A part of a data frame's payload, 1 byte or more; it shares memory with the chunk it came in.
   *
   * @param part bytes in order; one frame may come in many parts
   */
  data(part: Uint8Array): void;
  /**
   * A whole control frame.
   *
   * @param frame which
   * @param payload to be read before returning: it may share memory with the chunk it came in
   */
  control(frame: ForwardControlFrame, payload: Uint8Array): void;
}

const NAMES = new Map(
  Object.entries(FORWARD_FRAMES).map(([name, type]) => [type as number, name as ForwardFrame]),
);

/**
 * Writes the header of a frame.
 *
 * @param header 4 bytes or more, whose first 4 are written
 * @param frame which
 * @param payloadBytes how many bytes follow, within the frame's limit
 * @returns `header`
 * @throws forward.malformed where the frame cannot have so many
 */
export function writeForwardHeader<Bytes extends Uint8Array>(
  header: Bytes,
  frame: ForwardFrame,
  payloadBytes: number,
): Bytes {
  assertLength(frame, payloadBytes);
  header[0] = FORWARD_FRAMES[frame];
  header[1] = payloadBytes >>> 16;
  header[2] = payloadBytes >>> 8;
  header[3] = payloadBytes;
  return header;
}

/**
 * Reads frames out of chunks that may be split anywhere. Payload of `data` is passed on as it comes and never copied; the
 * length of every frame is judged before anything is allocated.
 *
 * After it has thrown it is of no more use: where the next frame begins is not known.
 */
export class ForwardDecoder {
  readonly #sink: ForwardSink;
  #header = 0;
  #headerBytes = 0;
  #frame: ForwardFrame = "data";
  /** Of the payload, still to come. */
  #missing = 0;
  /** A control frame's payload that came only in part. */
  #gathered: Uint8Array | undefined;

  constructor(sink: ForwardSink) {
    this.#sink = sink;
  }

  /** Whether the last frame is whole; if not, an end here cuts one off. */
  get isBetweenFrames(): boolean {
    return this.#headerBytes === 0;
  }

  /**
   * Reads what came.
   *
   * @param chunk any bytes
   * @throws forward.malformed for a type that does not exist or a length that its frame cannot have, and what the sink throws
   */
  take(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      at =
        this.#headerBytes < FORWARD_HEADER_BYTES
          ? this.#takeHeader(chunk, at)
          : this.#takePayload(chunk, at);
    }
  }

  #takeHeader(chunk: Uint8Array, start: number): number {
    const end = Math.min(chunk.length, start + FORWARD_HEADER_BYTES - this.#headerBytes);
    for (let at = start; at < end; at += 1) {
      this.#header = (this.#header << 8) | (chunk[at] ?? 0);
    }
    this.#headerBytes += end - start;
    if (this.#headerBytes === FORWARD_HEADER_BYTES) this.#judgeHeader();
    return end;
  }

  #judgeHeader(): void {
    const type = this.#header >>> 24;
    const frame = NAMES.get(type);
    if (frame === undefined) throw malformed(`a frame has the unknown type ${type}`);
    const length = this.#header & 0xff_ff_ff;
    assertLength(frame, length);
    this.#frame = frame;
    this.#missing = length;
  }

  #takePayload(chunk: Uint8Array, start: number): number {
    const end = Math.min(chunk.length, start + this.#missing);
    const part = start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end);
    this.#missing -= part.length;
    if (this.#missing === 0) this.#headerBytes = 0;
    if (this.#frame === "data") this.#sink.data(part);
    else this.#gather(this.#frame, part);
    return end;
  }

  #gather(frame: ForwardControlFrame, part: Uint8Array): void {
    if (this.#gathered === undefined) {
      if (this.#missing === 0) return this.#sink.control(frame, part);
      this.#gathered = new Uint8Array(part.length + this.#missing);
    }
    const payload = this.#gathered;
    payload.set(part, payload.length - this.#missing - part.length);
    if (this.#missing > 0) return;
    this.#gathered = undefined;
    this.#sink.control(frame, payload);
  }
}

/** Every frame says something: none is empty. */
function assertLength(frame: ForwardFrame, length: number): void {
  const fixed = FIXED_BYTES[frame];
  if (fixed !== undefined && length !== fixed) {
    throw malformed(`a frame '${frame}' has ${length} bytes in place of ${fixed}`);
  }
  const limit = LIMITS[frame === "data" ? "forwardDataBytes" : "forwardControlBytes"].value;
  if (length < 1 || length > limit) {
    throw malformed(`a frame '${frame}' has ${length} bytes; it may have 1 to ${limit}`);
  }
}

function malformed(reason: string): TautlineError {
  return new TautlineError("forward.malformed", { detail: { reason } });
}
