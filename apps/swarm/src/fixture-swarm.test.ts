import { attributesToRecord, type AgentToServer } from "@tautline/protocol";
import {
  createSeededRandom,
  createTestAuthority,
  startStandInCentral,
  type StandInBehaviour,
  type StandInCentral,
  type TestAuthority,
} from "@tautline/testing";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import { planSwarm } from "./swarm-options.ts";
import { startSwarm, type Swarm } from "./swarm.ts";
import type { SavedAgent } from "./swarm-state.ts";

/** A swarm against a stand-in for central. */
export interface Running {
  readonly central: StandInCentral;
  readonly swarm: Swarm;
  readonly entries: LedgerEntry[];
  readonly stop: () => Promise<void>;
}

function recordingLedger(entries: LedgerEntry[]): Ledger {
  const append: Ledger["append"] = async (entry) => {
    if ("sequence" in entry) entries.push(entry);
  };
  return { append, close: async () => {} };
}

/** Starts a swarm against a stand-in, gives both to `use`, and ends them. */
export async function withSwarm(
  options: {
    readonly agents?: number;
    readonly intervalMs?: number;
    readonly joinRate?: number;
    readonly behaviour?: StandInBehaviour;
    readonly ledger?: Ledger;
    readonly saved?: readonly SavedAgent[];
    readonly authority?: TestAuthority;
    readonly tokenOf?: (central: StandInCentral) => string;
  },
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const { agents = 1, intervalMs = 3_600_000, joinRate, behaviour = {}, saved = [] } = options;
  const { authority = createTestAuthority() } = options;
  const central = await startStandInCentral({ behaviour, authority });
  const end = new AbortController();
  const entries: LedgerEntry[] = [];
  const { float, randomBytes } = createSeededRandom("swarm");
  const token = (options.tokenOf ?? ((one) => one.makeToken()))(central);
  const plan = planSwarm({
    agents,
    to: central.address,
    token,
    durationMs: 60_000,
    intervalMs,
    joinRate,
  });
  const ledger = options.ledger ?? recordingLedger(entries);
  const world = { ledger, now: Date.now, random: float, randomBytes, signal: end.signal, saved };
  const swarm = startSwarm(plan, world);
  const stop = (): Promise<void> => {
    end.abort();
    return swarm.ended;
  };
  try {
    await use({ central, swarm, entries, stop });
  } finally {
    await stop().catch(() => {});
    await central.close();
  }
}

/** What a message says of its agent. */
export function attributesOf({ agentDescription }: AgentToServer): Record<string, string> {
  return attributesToRecord(agentDescription?.nonIdentifyingAttributes ?? []);
}
