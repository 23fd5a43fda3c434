import type { ToldAgent, Reopening } from "./reopening.ts";
import type { ReopeningOrder } from "./reopening-store.ts";
import type { Reopenings } from "./reopenings.ts";

/** A re-opening, and how many it has told. */
export interface CountedReopening extends Reopening {
  readonly told: number;
}

/** Re-openings as operators make, see and end them. */
export interface ReopeningApi {
  /** When it resolves, plaintext is listened to and the re-opening is on the disk. @throws policy.reopenings_full, central.address_in_use, central.cannot_listen, central.stopping, store.* */
  begin(order: ReopeningOrder): Promise<CountedReopening>;
  /** When it resolves, it holds no more, and plaintext is closed where nothing else needs it. @throws policy.reopening_unknown, store.* */
  end(id: number, actor: string): Promise<CountedReopening>;
  /** The newest first. */
  list(limit: number): Promise<readonly CountedReopening[]>;
  /** One with those whom it has told, in the order of ids. @throws policy.reopening_unknown */
  get(
    id: number,
    limit: number,
  ): Promise<CountedReopening & { readonly agents: readonly ToldAgent[] }>;
  /** Ends what is over, and opens or closes the port as what is left needs. Called by the clock. @throws store.*, central.* */
  step(): Promise<void>;
}

/** What they work on. */
export interface ReopeningApiDeps {
  readonly reopenings: Pick<Reopenings, "kept" | "look" | "isOpen">;
  /** Has plaintext listened to for everybody, beyond what the listeners are set to, or no longer. */
  readonly listenPublicly: (isReopened: boolean) => Promise<void>;
}

/**
 * Makes the operators' side of re-openings.
 *
 * @param deps what is kept, what holds, and the port
 */
export function createReopeningApi(deps: ReopeningApiDeps): ReopeningApi {
  const { reopenings, listenPublicly } = deps;
  const { kept } = reopenings;
  const step = async (): Promise<void> => {
    await reopenings.look();
    await listenPublicly(reopenings.isOpen());
  };
  const counted = async (all: readonly Reopening[]): Promise<readonly CountedReopening[]> => {
    const counts = await kept.counts(all.map(({ id }) => id));
    return all.map((each) => ({ ...each, told: counts.get(each.id) ?? 0 }));
  };
  return {
    begin: async (order) => {
      // First the port: what cannot be listened to is not begun.
      await listenPublicly(true);
      try {
        return { ...(await kept.begin(order)), told: 0 };
      } finally {
        await step();
      }
    },
    end: async (id, actor) => {
      const ended = await kept.end(id, actor);
      await step();
      const counts = await kept.counts([id]);
      return { ...ended, told: counts.get(id) ?? 0 };
    },
    list: async (limit) => counted(await kept.list(limit)),
    get: async (id, limit) => {
      const one = await kept.get(id);
      const counts = await kept.counts([id]);
      const agents = await kept.toldBy(id, limit);
      return { ...one, told: counts.get(id) ?? 0, agents };
    },
    step,
  };
}
