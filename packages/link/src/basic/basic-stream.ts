import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { TAG_BYTES } from "../noise/cipher-state.ts";
import { MAX_NOISE_MESSAGE_BYTES, type NoiseKeys } from "../noise/nnpsk0.ts";
import { free, lend } from "../slabs/counted-memory.ts";
import { PROCESS_SLABS, type SlabPool } from "../slabs/slab.ts";
import { readIntoSlabs } from "../slabs/slab-reader.ts";
import { createFrameReader, type FrameReader, frameLength } from "./frame-reader.ts";

const MAX_PLAINTEXT_BYTES = MAX_NOISE_MESSAGE_BYTES - TAG_BYTES;
/** After so many messages in one direction its key is replaced at both ends: at most 4 GiB under one key. */
export const REKEY_AFTER_MESSAGES = 65_536;

/** What a stream of the level `basic` is made of. */
export interface BasicStreamOptions {
  /** The connection beneath, half-open allowed; it belongs to the stream from here on. */
  readonly socket: Socket;
  readonly keys: NoiseKeys;
  /** What came behind the handshake already. */
  readonly head: Buffer;
  /** "host:port" of the other end, for errors. */
  readonly address: string;
  /** Messages between two rekeys; `REKEY_AFTER_MESSAGES`, except where a test will not wait for so many. */
  readonly rekeyAfter?: number | undefined;
  /** To read into where this Node allows it: those of the process unless told; null reads as Node does. */
  readonly slabs?: SlabPool | null | undefined;
}

/** Less is not worth a read. */
const LEAST_READ_BYTES = 32 * 1024;

/**
 * The secured stream of the level `basic`: bytes in Noise messages. An empty message is the end of a direction, so a connection
 * that was cut is never taken for one that ended.
 *
 * It is destroyed with link.noise_refused at the first byte that was changed on the way, and with link.truncated where the
 * connection ends before the other end said so.
 */
export class BasicStream extends Duplex {
  readonly #socket: Socket;
  readonly #keys: NoiseKeys;
  readonly #address: string;
  readonly #rekeyAfter: number;
  readonly #reader: FrameReader;
  #sent = 0;
  #received = 0;
  #hasEnded = false;

  constructor(options: BasicStreamOptions) {
    const { socket, keys, head, address, rekeyAfter, slabs } = options;
    super({ allowHalfOpen: true });
    const pool = slabs === undefined ? PROCESS_SLABS : (slabs ?? undefined);
    this.#reader = createFrameReader(pool);
    this.#socket = socket;
    this.#keys = keys;
    this.#address = address;
    this.#rekeyAfter = rekeyAfter ?? REKEY_AFTER_MESSAGES;
    const take = (chunk: Buffer): void => this.#take(chunk);
    socket.on("data", take);
    readIntoSlabs(socket, { pool, headroom: 0, leastRoom: LEAST_READ_BYTES, take });
    socket.on("end", () => this.#socketEnded());
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.#socketEnded());
    socket.on("timeout", () => this.emit("timeout"));
    // Stays for the stream's life: a reset must not end the process before its user listens.
    this.on("error", () => {});
    socket.pause();
    if (head.length > 0) this.#take(head);
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  /** As a socket's: "timeout" is emitted where nothing was said either way for so long, 0 ends that. HTTP cuts idle callers by it. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    if (onTimeout !== undefined) this.once("timeout", onTimeout);
    this.#socket.setTimeout(ms);
    return this;
  }

  /** As a socket's: what was written goes out and is ended, then all of it is closed, whatever the other end does. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork();
    try {
      for (let at = 0; at < chunk.length; at += MAX_PLAINTEXT_BYTES) {
        const isLast = at + MAX_PLAINTEXT_BYTES >= chunk.length;
        this.#send(chunk.subarray(at, at + MAX_PLAINTEXT_BYTES), isLast ? done : undefined);
      }
      if (chunk.length === 0) done();
    } catch (error) {
      done(error as Error);
    } finally {
      this.#socket.uncork();
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    try {
      this.#send(Buffer.alloc(0));
      this.#socket.end(() => done());
    } catch (error) {
      done(error as Error);
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    this.#reader.close();
    done(error);
  }

  #send(plaintext: Uint8Array, done?: (error?: Error | null) => void): void {
    const [body, tag] = this.#keys.sending.seal(plaintext);
    this.#socket.write(frameLength(plaintext.length + TAG_BYTES));
    this.#socket.write(body, () => free(body));
    this.#socket.write(tag, done);
    this.#sent += 1;
    if (this.#sent % this.#rekeyAfter === 0) this.#keys.sending.rekey();
  }

  #take(chunk: Buffer): void {
    try {
      if (!this.destroyed) this.#reader.take(chunk, this.#open);
    } catch (error) {
      this.destroy(isTautlineError(error) ? error : new TautlineError("internal.unexpected"));
    }
  }

  readonly #open = (frame: Buffer): void => {
    if (this.#hasEnded) {
      const reason = "something came after the end of the stream";
      throw new TautlineError("link.noise_refused", { detail: { reason } });
    }
    const plaintext = this.#keys.receiving.open(frame);
    this.#received += 1;
    if (this.#received % this.#rekeyAfter === 0) this.#keys.receiving.rekey();
    if (plaintext.length === 0) {
      this.#hasEnded = true;
      this.push(null);
    } else {
      lend(plaintext);
      if (!this.push(plaintext)) this.#socket.pause();
    }
  };

  #socketEnded(): void {
    if (this.#hasEnded || this.destroyed) return;
    this.destroy(new TautlineError("link.truncated", { detail: { address: this.#address } }));
  }
}
