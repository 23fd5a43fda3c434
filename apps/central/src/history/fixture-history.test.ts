/* Equipment: a history on a real database with a few registered agents. No tests of its own. */
import { join } from "node:path";
import type { LinkEvidence } from "@tautline/protocol";
import { createFakeClock, type FakeClock, withTempFolder } from "@tautline/testing";
import { type FleetAgent, makeFleet, openFleet } from "../../test/history-fleet.ts";
import { FOLD_RULE, mutualEvidence } from "../fixture-core.test.ts";
import { openStore, type Store } from "../store/store.ts";
import { createEvidenceHistory, type EvidenceHistory } from "./evidence-history.ts";
import type { FoldRule } from "./fold-rule.ts";
import type { UsedEvidence } from "./history-reading.ts";
import type { ObservedLink } from "./history-recorder.ts";

/** A history, what it stands on, and a fleet. */
export interface HistoryGround {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly history: EvidenceHistory;
  readonly fleet: readonly FleetAgent[];
  /** The first three agents. */
  readonly ids: readonly [string, string, string];
  /** Another history on the same database, as after a restart. */
  readonly again: (rule?: FoldRule) => EvidenceHistory;
  /** Closes the database and opens it again, as a central that was killed does. */
  readonly restart: () => Promise<HistoryGround>;
}

/** Evidence of a proven agent. */
export function provenEvidence(agentId: string): LinkEvidence {
  return mutualEvidence(`spiffe://default.fleet.test/agent/${agentId}`, "0a");
}

/** Evidence of nobody. */
export const UNPROVEN: LinkEvidence = {
  ...mutualEvidence("", ""),
  level: "tls",
  clientProven: false,
  peerId: null,
  peerSerial: null,
};

/** A link of an agent, as others see it. */
export function linkOf(agentId: string, rest: Partial<ObservedLink> = {}): ObservedLink {
  return { agentId, remoteAddress: "192.0.2.1", evidence: provenEvidence(agentId), ...rest };
}

/** Gives `use` a history of a new fleet. */
export function withHistory(
  use: (ground: HistoryGround) => Promise<void>,
  { agents = 3, rule = FOLD_RULE }: { readonly agents?: number; readonly rule?: FoldRule } = {},
): Promise<void> {
  return withTempFolder(async (folder) => {
    const file = join(folder, "central.db");
    const fleet = makeFleet(agents);
    const clock = createFakeClock();
    const opened: Store[] = [await openFleet(file, fleet)];
    const ground = (store: Store): HistoryGround => {
      const again = (other: FoldRule = rule): EvidenceHistory =>
        createEvidenceHistory({ store, now: clock.now, rule: other });
      const [a = "", b = "", c = ""] = fleet.map(({ id }) => id).toSorted();
      const restart = async (): Promise<HistoryGround> => {
        await store.close();
        const next = await openStore(file);
        opened.splice(0, 1, next);
        return ground(next);
      };
      return { store, clock, fleet, ids: [a, b, c], again, restart, history: again() };
    };
    try {
      await use(ground(opened[0] ?? (await openStore(file))));
    } finally {
      await opened[0]?.close();
    }
  });
}

/** What one agent used in all time. */
export async function usedBy(
  history: EvidenceHistory,
  agentId: string,
  sinceMs = 0,
): Promise<readonly UsedEvidence[]> {
  const [one] = await history.of([agentId], sinceMs);
  return one?.used ?? [];
}

/** How many rows the history has. */
export async function countRows(store: Store): Promise<number> {
  const rows = await store.read((db) => db.selectFrom("history_spans").select("agent").execute());
  return rows.length;
}
