import type { Duplex } from "node:stream";

/** What a stream is carried to and from: a connection of TCP, a Unix socket, or anything that ends and resets as they do. */
export interface PlainEnd extends Duplex {
  /** Sends small writes at once; of no meaning where nothing is sent. */
  setNoDelay(on?: boolean): unknown;
  /** Ends it so that its other end never takes what came for whole, where it has a way to say so. */
  resetAndDestroy(): unknown;
}
