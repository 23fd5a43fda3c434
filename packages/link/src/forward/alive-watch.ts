import type { Duplex } from "node:stream";
import { TautlineError } from "@tautline/protocol";
import type { FrameWriter } from "./frame-writer.ts";

/** Each end says so often that it is still there, whatever else it says. */
export const ALIVE_EVERY_MS = 5_000;

/** An end from which nothing was heard in so many of these spans is taken for gone: after 15 to 20 s. */
export const MOST_SILENT_SPANS = 4;

/** Says nothing but that its sender is there; every frame has a payload. */
const NOTHING = Uint8Array.of(0);

/** What is watched, and who is told. */
export interface AliveWatchOptions {
  readonly secured: Duplex;
  readonly writer: FrameWriter;
  /** "host:port" of the other end, for errors. */
  readonly address: string;
  /** Called once at most, with forward.silent. */
  readonly onSilent: (error: TautlineError) => void;
}

/**
 * Tells the other end of a forward's link that this one is there, and finds out that the other one is not: a network that swallows
 * everything ends no connection by itself for a quarter of an hour and more.
 *
 * Spans are counted and not times, so that an end which was itself stopped for a while hears what has come meanwhile before it
 * judges. An end that does not read, because its own program does not, hears nothing and judges nobody.
 */
export class AliveWatch {
  readonly #options: AliveWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #silentSpans = 0;

  constructor(options: AliveWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), ALIVE_EVERY_MS).unref();
  }

  /** Something came. */
  heard(): void {
    this.#silentSpans = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { secured, writer, address, onSilent } = this.#options;
    this.#silentSpans = secured.isPaused() ? 0 : this.#silentSpans + 1;
    if (this.#silentSpans >= MOST_SILENT_SPANS) {
      this.stop();
      const silentMs = (MOST_SILENT_SPANS - 1) * ALIVE_EVERY_MS;
      onSilent(new TautlineError("forward.silent", { detail: { address, silentMs } }));
      return;
    }
    // What still waits to go out says as much.
    if (!secured.writableNeedDrain && secured.writable) writer.control("alive", NOTHING);
  }
}
