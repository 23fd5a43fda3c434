import { Duplex } from "node:stream";
import type { PlainEnd } from "@tautline/link";
import type { StandardStreams } from "../context.ts";

/**
 * Makes one connection of standard input and output, as ssh's ProxyCommand has it.
 *
 * @param streams of the process
 */
export function createStandardEnd(streams: StandardStreams): PlainEnd {
  return new StandardEnd(streams);
}

class StandardEnd extends Duplex implements PlainEnd {
  readonly #streams: StandardStreams;

  constructor(streams: StandardStreams) {
    super({ allowHalfOpen: true });
    this.#streams = streams;
    streams.input
      .on("data", (chunk: Buffer) => {
        if (!this.push(chunk)) streams.input.pause();
      })
      .on("end", () => this.push(null))
      .on("error", (error) => this.destroy(error))
      .pause();
  }

  setNoDelay(): void {}

  resetAndDestroy(): void {
    this.destroy();
  }

  override _read(): void {
    this.#streams.input.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void) {
    this.#streams.output.write(chunk, done);
  }

  override _final(done: () => void): void {
    // After the last byte went out: its reader sees the end while this side may go on speaking.
    this.#streams.output.write("", () => {
      this.#streams.closeOutput();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#streams.input.destroy();
    done(error);
  }
}
