import type { Duplex } from "node:stream";
import { type ErrorCode, FORWARD_HEADER_BYTES, TautlineError } from "@tautline/protocol";
import type { FrameWriter } from "./frame-writer.ts";
import type { PlainEnd } from "./plain-end.ts";
import { resetPlain } from "./reset-plain.ts";
import type { SlabPool } from "../slabs/slab.ts";
import { readIntoSlabs } from "../slabs/slab-reader.ts";
import { type LimitWatch, type StreamLimits, watchLimits } from "./stream-limits.ts";
import { TurnWriter } from "./turn-writer.ts";

/** How a stream ended, and what it carried. */
export interface StreamEnd {
  /** "clean" where both directions ended with all their bytes; else why it was reset. */
  readonly verdict: "clean" | ErrorCode;
  /** The reason of any verdict but "clean". */
  readonly error?: TautlineError;
  /** Bytes of the plain connection given to the link. */
  readonly sentBytes: number;
  /** Bytes that came over the link. */
  readonly receivedBytes: number;
  /** Since it was opened. */
  readonly durationMs: number;
}

/** Limits of one stream, and who counts its bytes. */
export interface CarryOptions extends StreamLimits {
  /** Told of every chunk: so many bytes more were sent to, or received from, the link. */
  readonly onBytes?: ((sentBytes: number, receivedBytes: number) => void) | undefined;
}

/** What a pump is made of. */
export interface PumpOptions {
  readonly secured: Duplex;
  readonly writer: FrameWriter;
  /** To read the plain side into; without them it is read as Node does. */
  readonly slabs: SlabPool | undefined;
  /** "host:port" of the other end, for errors. */
  readonly address: string;
  readonly now: () => number;
  /** The plain side has said all it had to say. */
  readonly onPlainEnd: (sentBytes: number) => void;
  /** The stream cannot go on; the pump waits for `fail`. */
  readonly onBroken: (error: TautlineError) => void;
}

/** Less is not worth a read of the plain side. */
const LEAST_READ_BYTES = 64 * 1024;

/** Carries one stream between a link and a plain connection; whose turn it is to say what on the link, it does not know. */
export class StreamPump {
  readonly #options: PumpOptions;
  readonly #startedMs: number;
  readonly #done = Promise.withResolvers<StreamEnd>();
  /** What came before there was a plain connection: at most the chunk in which the stream was opened, as reading is paused then. */
  #early: Uint8Array[] = [];
  #plain: PlainEnd | undefined;
  #toPlain: TurnWriter | undefined;
  #watch: LimitWatch | undefined;
  #onBytes: (sentBytes: number, receivedBytes: number) => void = () => {};
  #sentBytes = 0;
  #receivedBytes = 0;
  #isReceived = false;
  #isDetached = false;
  #isSettled = false;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#startedMs = options.now();
  }

  /** Whether it has a plain connection already. */
  get isCarrying(): boolean {
    return this.#plain !== undefined;
  }

  /**
   * Carries to and from a plain connection until the stream ends.
   *
   * @param plain belongs to the pump from here on
   */
  attach(plain: PlainEnd, options: CarryOptions): Promise<StreamEnd> {
    this.#plain = plain.on("error", this.#breakPlain).on("close", this.#breakPlain);
    if (this.#isSettled) resetPlain(plain);
    else if (plain.destroyed) this.#breakPlain(plain.errored ?? undefined);
    else this.#start(plain, options);
    return this.#done.promise;
  }

  /**
   * Takes payload that came over the link.
   *
   * @param part 1 byte or more; must not be changed any more while its slab is held
   */
  deliver(part: Uint8Array): void {
    this.#receivedBytes += part.length;
    if (this.#toPlain === undefined) {
      this.#early.push(Buffer.from(part));
      this.#options.secured.pause();
      return;
    }
    this.#give(this.#toPlain, part);
  }

  /**
   * Takes the other end's end of stream.
   *
   * @param said how many bytes it says it has sent
   * @throws forward.truncated
   */
  deliverEnd(said: number): void {
    const received = this.#receivedBytes;
    if (said !== received) {
      const detail = { address: this.#options.address, said, received };
      throw new TautlineError("forward.truncated", { detail });
    }
    this.#isReceived = true;
    this.#toPlain?.end();
  }

  /** Both directions have ended on the link: it is free again, while the last bytes still go to the plain side. */
  detach(): void {
    this.#isDetached = true;
    this.#leaveLink();
    this.#options.secured.resume();
    if (this.#plain?.writableFinished === true) this.#settle();
  }

  /** Ends the stream: the plain side is reset, so that it never takes what came for whole. */
  fail(error: TautlineError): void {
    if (this.#isSettled) return;
    this.#settle(error);
    if (this.#plain !== undefined) resetPlain(this.#plain);
  }

  #start(plain: PlainEnd, options: CarryOptions): void {
    const { secured } = this.#options;
    // Otherwise the end of one direction would silently end the other.
    plain.allowHalfOpen = true;
    plain.setNoDelay(true);
    this.#onBytes = options.onBytes ?? this.#onBytes;
    this.#watch = watchLimits(options, this.#break);
    const toPlain = new TurnWriter(plain, this.#resumeSecured);
    this.#toPlain = toPlain;
    secured.on("drain", this.#resumePlain).resume();
    plain.on("finish", this.#finishPlain);
    for (const part of this.#early) this.#give(toPlain, part);
    this.#early = [];
    if (this.#isReceived) toPlain.end();
    if (plain.readableEnded) this.#endPlain();
    else this.#read(plain);
  }

  #read(plain: PlainEnd): void {
    const { slabs, writer } = this.#options;
    plain.on("end", this.#endPlain).on("data", this.#hearPlain);
    const [headroom, leastRoom] = [FORWARD_HEADER_BYTES, LEAST_READ_BYTES];
    const take = (frame: Buffer): void => {
      if (!this.#isSettled) this.#takePlain(frame.length - headroom, writer.frame(frame));
    };
    readIntoSlabs(plain, { pool: slabs, headroom, leastRoom, take });
    plain.resume();
  }

  #give(toPlain: TurnWriter, part: Uint8Array): void {
    this.#watch?.touch();
    this.#onBytes(0, part.length);
    if (!toPlain.write(part)) this.#options.secured.pause();
  }

  readonly #hearPlain = (chunk: Buffer): void =>
    this.#takePlain(chunk.length, this.#options.writer.data(chunk));

  #takePlain(bytes: number, hasRoom: boolean): void {
    this.#sentBytes += bytes;
    this.#watch?.touch();
    this.#onBytes(bytes, 0);
    if (!hasRoom) this.#plain?.pause();
  }

  readonly #resumePlain = (): void => void this.#plain?.resume();

  readonly #resumeSecured = (): void => {
    if (!this.#isDetached && !this.#isSettled) this.#options.secured.resume();
  };

  readonly #endPlain = (): void => this.#options.onPlainEnd(this.#sentBytes);

  readonly #finishPlain = (): void => {
    if (this.#isDetached) this.#settle();
  };

  readonly #breakPlain = (cause?: unknown): void => {
    if (this.#isSettled) return;
    const reason = cause instanceof Error ? causeName(cause) : "it was closed in the middle";
    this.#break(
      new TautlineError("forward.plain_reset", {
        detail: { reason },
        ...(cause instanceof Error && { cause }),
      }),
    );
  };

  /** Once the link is free, a stream that still fails is no matter of the link's. */
  readonly #break = (error: TautlineError): void => {
    if (this.#isDetached) this.fail(error);
    else this.#options.onBroken(error);
  };

  #leaveLink(): void {
    this.#options.secured.off("drain", this.#resumePlain);
  }

  #settle(error?: TautlineError): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#early = [];
    this.#watch?.stop();
    this.#leaveLink();
    this.#plain?.off("data", this.#hearPlain).off("end", this.#endPlain);
    this.#done.resolve({
      verdict: error?.code ?? "clean",
      ...(error !== undefined && { error }),
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      durationMs: this.#options.now() - this.#startedMs,
    });
  }
}

function causeName(cause: Error): string {
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}
