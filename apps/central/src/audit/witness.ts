import type { X509Certificate } from "node:crypto";
import type { Logger } from "@tautline/daemon";
import { openCheckpoint } from "@tautline/pki";
import { type CheckpointNews, LIMITS, type SignedCheckpoint } from "@tautline/protocol";
import type { Store } from "../store/store.ts";
import type { CheckpointKeeper } from "./checkpoint-keeper.ts";
import { findCheckpoint, readCheckpoints } from "./checkpoint-store.ts";
import type { ForkStore } from "./fork-store.ts";

/** What an agent is told next, and up to which number it then was. */
export interface WitnessNews {
  readonly news: CheckpointNews;
  readonly upTo: number;
}

/** What central tells its agents of the trail, and what it makes of what they have seen: they are its witnesses. */
export interface Witness {
  /** Number of the newest checkpoint; 0 before the first. */
  newest(): number;
  /**
   * What follows for an agent that was told up to a number; undefined where there is nothing new.
   *
   * @param told undefined for one that was told nothing yet: it gets the newest alone
   */
  newsAfter(told: number | undefined): Promise<WitnessNews | undefined>;
  /**
   * Judges what an agent remembers; what is not in this trail is recorded as a fork.
   *
   * @returns the number after which to tell it more
   * @throws audit.checkpoint_malformed, audit.checkpoint_unproven
   */
  takeHead(agentId: string, seen: SignedCheckpoint): Promise<number>;
  /**
   * Judges an agent's report of a fork, and records it.
   *
   * @throws audit.checkpoint_malformed, audit.checkpoint_unproven
   */
  takeFork(agentId: string, seen: SignedCheckpoint): Promise<void>;
}

/** What the witness needs. */
export interface WitnessDeps {
  readonly store: Store;
  readonly keeper: Pick<CheckpointKeeper, "newest">;
  readonly forks: Pick<ForkStore, "record">;
  readonly root: X509Certificate;
  readonly trustDomain: string;
  readonly log: Logger;
}

/**
 * Makes the witness.
 *
 * @param deps store, checkpoints, forks, and the root that proves them
 */
export function createWitness(deps: WitnessDeps): Witness {
  const { store, keeper, root, trustDomain, log } = deps;
  const trust = { roots: [root], trustDomain };
  const newest = (): number => keeper.newest()?.number ?? 0;
  const judge = async (agentId: string, signed: SignedCheckpoint): Promise<boolean> => {
    const seen = openCheckpoint(signed, trust);
    const { number } = seen.checkpoint;
    const own = await findCheckpoint(store, number);
    if (own?.hash === seen.hash) return true;
    const shown = own ?? keeper.newest();
    // A trail without any checkpoint that an agent has seen one of: it is shown its own.
    await deps.forks.record({ agentId, seen, shown: shown?.signed ?? signed });
    return false;
  };
  return {
    newest,
    newsAfter: async (told) => {
      const last = newest();
      if (told === last || last === 0) return undefined;
      const after = told === undefined || told > last ? last - 1 : told;
      const rows = await readCheckpoints(store, after, LIMITS.auditCheckpointsInMessage.value);
      const end = rows.at(-1);
      const earlier = rows.slice(0, -1).map((row) => row.signed.body);
      return end && { news: { earlier, newest: end.signed }, upTo: end.number };
    },
    takeHead: async (agentId, signed) => {
      const isOurs = await judge(agentId, signed);
      const { number } = openCheckpoint(signed, trust).checkpoint;
      // What is not ours is shown beside ours of the same number, or the newest where there is none.
      return isOurs ? number : Math.min(number, newest()) - 1;
    },
    takeFork: async (agentId, signed) => {
      // After a second restore, to the right copy, the trail is again the one that was seen.
      if (await judge(agentId, signed)) log.info({ agent: agentId }, "a fork is one no longer");
    },
  };
}
