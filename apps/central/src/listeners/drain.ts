import type { Server as HttpServer } from "node:http";
import type { Duplex } from "node:stream";

/** A stream that can end in order: what was written goes out first. */
export interface Drainable extends Duplex {
  destroySoon(): void;
}

/** What a port that stops is made of. */
export interface DrainedPort {
  readonly http: HttpServer;
  /** What HTTP is served on. */
  readonly open: Iterable<Drainable>;
  /** Nothing is under way. */
  readonly settled: Promise<void>;
  /** Every connection has ended; the port listens no longer. */
  readonly closed: Promise<void>;
  /** Ends connections on which nothing is served yet. */
  readonly cut?: () => void;
}

/** For good-byes to be read and answered. */
const DRAIN_MS = 2_000;
/** For the last bytes to go out to a peer that reads them. */
const FLUSH_MS = 500;

/**
 * Waits a moment for what is under way, and cuts the rest.
 *
 * @param port that listens no longer
 */
export async function drain({ http, open, settled, closed, cut }: DrainedPort): Promise<void> {
  http.closeIdleConnections();
  await withinMs(DRAIN_MS, settled);
  for (const stream of open) stream.destroySoon();
  await withinMs(FLUSH_MS, closed);
  for (const stream of open) stream.destroy();
  cut?.();
  http.closeAllConnections();
  await closed;
  http.close();
}

/** Waits for work, but not longer. */
async function withinMs(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
