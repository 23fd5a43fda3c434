/* Equipment: the receiver's stores and book on a core. No tests of its own. */
import { type Core, withCore } from "../fixture-core.test.ts";
import { type BackendStore, createBackendStore } from "./backend-store.ts";
import { type ClaimantStore, createClaimantStore } from "./claims/claimant-store.ts";
import { type ClientStore, createClientStore } from "./client-store.ts";
import { createReceiverBook, type ReceiverBook } from "./receiver-book.ts";

/** What is kept for the receiver, and the book that has it in memory. */
export interface ReceiverStores {
  readonly core: Core;
  readonly backends: BackendStore;
  readonly clients: ClientStore;
  readonly claimants: ClaimantStore;
  readonly book: ReceiverBook;
}

/** Opens them in a fresh folder, and closes them afterwards. */
export function withStores(use: (stores: ReceiverStores) => Promise<void>): Promise<void> {
  return withCore(async (core) => {
    const { store, audit, vault, clock } = core;
    const { now } = clock;
    const book = createReceiverBook({ store, vault, now });
    const deps = { store, audit, vault, now, onChanged: () => book.look() };
    await book.look();
    await use({
      core,
      book,
      backends: createBackendStore(deps),
      clients: createClientStore(deps),
      claimants: createClaimantStore(deps),
    });
  });
}
