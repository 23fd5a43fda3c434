import type { Logger } from "@tautline/daemon";
import type { OpenConnections } from "../control/open-connections.ts";
import type { Refusals } from "../control/refusals.ts";
import type { CentralMetrics } from "../metrics.ts";
import { createReverseLinks } from "../services/reverse-links.ts";
import { createServices, type Services } from "../services/services.ts";
import { createForwardBook, type ForwardBook } from "./forward-book.ts";
import { createForwardService, type ForwardService } from "./forward-service.ts";
import { createForwardStore, type ForwardStore, type ForwardStoreDeps } from "./forward-store.ts";
import type { OwnPlaces } from "./own-places.ts";
import { createStreamTable, type StreamTable } from "./stream-table.ts";
import { createStreamUse } from "./stream-use.ts";

/** The forwards as operators change them, and the streams that go by them. */
export interface Forwards {
  readonly forwards: ForwardStore;
  readonly book: ForwardBook;
  readonly streams: StreamTable;
  readonly service: ForwardService;
  /** The other direction: what operators open. */
  readonly services: Services;
  /** Writes into the trail what streams have come to since the last time. */
  flushUse(): Promise<void>;
}

/** What they need. */
export interface ForwardsDeps extends Omit<ForwardStoreDeps, "onChanged"> {
  readonly own: OwnPlaces;
  readonly connections: Pick<OpenConnections, "giveVoice">;
  readonly refusals: Pick<Refusals, "note">;
  readonly metrics: CentralMetrics;
  readonly log: Logger;
}

/**
 * Opens the forwards with every allowance in the book.
 *
 * @param deps database, trail, clock, log, and who is connected
 * @throws store.*
 */
export async function openForwards(deps: ForwardsDeps): Promise<Forwards> {
  const { store, audit, metrics, log } = deps;
  const book = createForwardBook(store);
  await book.look();
  const onChanged = (): Promise<void> =>
    // Changed it is; what this process did not see now it sees in a second.
    book.look().catch((error: unknown) => log.error({ err: error }, "forwards were not looked at"));
  const streams = createStreamTable();
  metrics.watchStreams(() => streams.all().map(({ evidence }) => evidence));
  const use = createStreamUse();
  const links = createReverseLinks();
  return {
    forwards: createForwardStore({ ...deps, onChanged }),
    book,
    streams,
    service: createForwardService({ ...deps, book, streams, use, reverse: links }),
    services: createServices({ ...deps, book, streams, use, links }),
    flushUse: async () => {
      const events = use.take();
      if (events.length === 0) return;
      try {
        await store.write(async (trx) => {
          for (const event of events) await audit.append(trx, event);
        });
      } catch (error) {
        use.putBack(events);
        throw error;
      }
    },
  };
}
