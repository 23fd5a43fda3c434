/* Equipment: a made-up fleet whose history is measured. */
import { type LinkEvidence, makeAgentId } from "@tautline/protocol";
import { createSeededRandom } from "@tautline/testing";
import type { ObservedLink } from "../src/history/history-recorder.ts";
import { openStore, type Store } from "../src/store/store.ts";

/** One agent of the fleet and how it behaves. */
export interface FleetAgent {
  readonly id: string;
  readonly address: string;
  readonly pattern: "steady" | "flapping" | "two components" | "every other day" | "refused";
}

/** Begin of the history that is made up: midnight in UTC. */
export const BEGIN_MS: number = Date.UTC(2026, 0, 1);
/** A day in milliseconds. */
export const DAY_MS = 86_400_000;
const ROWS_AT_ONCE = 500;

/**
 * Makes up a fleet: of 100 agents 75 steady ones, 10 that alternate between two key-exchange groups by the day, 8 with two components,
 * 5 that are on every other day, and 2 that besides are refused every day.
 *
 * @param count how many agents
 */
export function makeFleet(count: number): readonly FleetAgent[] {
  const random = createSeededRandom(1);
  return Array.from({ length: count }, (_, at) => ({
    id: makeAgentId(BEGIN_MS - count + at, random.randomBytes(10)),
    address: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
    pattern: patternOf(at % 100),
  }));
}

function patternOf(percent: number): FleetAgent["pattern"] {
  if (percent < 75) return "steady";
  if (percent < 85) return "flapping";
  if (percent < 93) return "two components";
  return percent < 98 ? "every other day" : "refused";
}

const mutual: LinkEvidence = {
  level: "mtls",
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  group: "X25519MLKEM768",
  pq: true,
  serverProven: true,
  clientProven: true,
  forwardSecret: true,
  peerId: "spiffe://default.fleet.example.org/agent/0",
  peerSerial: "00",
  keyId: null,
  since: "2026-01-01T00:00:00.000Z",
};
const classic: LinkEvidence = { ...mutual, group: "X25519", pq: false };

/**
 * The links that an agent opens on one day.
 *
 * @param agent which
 * @param day day of the history, from 0
 */
export function linksOf({ id, address, pattern }: FleetAgent, day: number): ObservedLink[] {
  const link: ObservedLink = { agentId: id, remoteAddress: address, evidence: mutual };
  if (pattern === "every other day" && day % 2 === 1) return [];
  if (pattern === "flapping" && day % 2 === 1) return [{ ...link, evidence: classic }];
  return pattern === "two components" ? [link, { ...link, component: "worker" }] : [link];
}

/**
 * Makes a database with the registered agents and nothing else.
 *
 * @param file path of central.db
 * @param fleet the agents
 */
export async function openFleet(file: string, fleet: readonly FleetAgent[]): Promise<Store> {
  const store = await openStore(file);
  const rowOf = ({ id, address }: FleetAgent) => ({
    id,
    name: address,
    namespace: "default",
    state: "active" as const,
    joined_at: BEGIN_MS,
    token_id: "t",
    client_pin: "",
    server_pin: "",
    version: "0.1.0",
    attributes: "{}",
    config_status: "unset" as const,
    config_error: "",
    instruction_seq: 0,
  });
  await store.write(async (trx) => {
    await trx.insertInto("namespaces").values({ name: "default", created_at: 0 }).execute();
    for (let at = 0; at < fleet.length; at += ROWS_AT_ONCE) {
      const rows = fleet.slice(at, at + ROWS_AT_ONCE).map(rowOf);
      await trx.insertInto("agents").values(rows).execute();
    }
  });
  return store;
}
