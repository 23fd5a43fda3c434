/* Equipment: a made-up fleet on its way to mtls, for measuring the planner. */
import type { LinkEvidence } from "@tautline/protocol";
import type { HistoryRecorder, ObservedLink } from "../src/history/history-recorder.ts";
import type { Store } from "../src/store/store.ts";
import type { FleetAgent } from "./history-fleet.ts";

/** How one agent behaves, as the word says. */
export type Road =
  | "steady"
  | "two components"
  | "moved"
  | "plaintext"
  | "unproven"
  | "flapping"
  | "silent";

/** One agent of the fleet, and where it stands on its way. */
export interface RoadAgent extends FleetAgent {
  readonly road: Road;
}

const HUNDRED: readonly (readonly [Road, number])[] = [
  ["steady", 55],
  ["two components", 8],
  ["moved", 10],
  ["plaintext", 10],
  ["unproven", 10],
  ["flapping", 2],
  ["silent", 5],
];

/** Says how a fleet's agents behave: of 100 so many each. */
export function onTheRoad(fleet: readonly FleetAgent[]): readonly RoadAgent[] {
  const roads = HUNDRED.flatMap(([road, count]) => Array.from({ length: count }, () => road));
  return fleet.map((agent, at) => ({ ...agent, road: roads[at % roads.length] ?? "steady" }));
}

const MUTUAL: LinkEvidence = {
  level: "mtls",
  protocol: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  group: "X25519MLKEM768",
  pq: true,
  serverProven: true,
  clientProven: true,
  forwardSecret: true,
  peerId: null,
  peerSerial: "00",
  keyId: null,
  since: "2026-01-01T00:00:00.000Z",
};
const PLAIN: LinkEvidence = {
  ...MUTUAL,
  level: "plaintext",
  protocol: null,
  cipher: null,
  group: null,
  pq: false,
  serverProven: false,
  clientProven: false,
  forwardSecret: false,
  peerSerial: null,
};

/** Half of the days that are made up lie before the move of those that moved. */
export const ROAD_DAYS = 4;

/**
 * What an agent's links of one day negotiated.
 *
 * @param agent which
 * @param day of the history, from 0
 */
export function roadLinks({ id, address, road }: RoadAgent, day: number): ObservedLink[] {
  const link = { agentId: id, remoteAddress: address, evidence: MUTUAL };
  const plain = { ...link, evidence: PLAIN };
  const links: Readonly<Record<Road, ObservedLink[]>> = {
    steady: [link],
    "two components": [link, { ...link, component: "worker" }],
    moved: [day < ROAD_DAYS / 2 ? plain : link],
    flapping: [plain, link],
    plaintext: [plain],
    unproven: [plain],
    silent: [],
  };
  return links[road];
}

/** Writes a day of a slice of the fleet. */
export function noteRoadDay(
  recorder: HistoryRecorder,
  agents: readonly RoadAgent[],
  day: number,
): void {
  for (const agent of agents) {
    for (const link of roadLinks(agent, day)) {
      recorder.opened(link);
      recorder.closed(link);
    }
  }
}

/**
 * Gives the rows of agents the state and the words of their road, and each that is not silent a live link.
 *
 * @param store central's database
 * @param agents all of them
 * @param nowMs since when the links live, milliseconds since the epoch
 */
export async function settleRows(
  store: Store,
  agents: readonly RoadAgent[],
  nowMs: number,
): Promise<void> {
  for (const { id, address, road } of agents) {
    const isClaim = road === "unproven";
    const attributes = JSON.stringify({
      "service.name": "tautline-agent",
      "service.instance.id": id,
      "service.version": "0.1.0",
      "host.name": `host-${address.replaceAll(".", "-")}.example.org`,
      "os.type": "linux",
      "tautline.name": address,
      "tautline.upgrade": isClaim ? "firmware" : "remote",
      "tautline.instructions": isClaim ? "" : "addresses,level,settings",
    });
    const state = isClaim ? "unproven" : "active";
    void store.run(UPDATE, [state, attributes, id]);
    const link = roadLinks({ id, address, road, pattern: "steady" }, ROAD_DAYS - 1).at(-1);
    if (link !== undefined) void store.run(INSERT, [id, id, address, ...linkValues(link), nowMs]);
  }
  await store.write(() => Promise.resolve());
}

const UPDATE = `update "agents" set "state" = ?, "attributes" = ? where "id" = ?`;
const INSERT =
  `insert into "links" ("id", "central_id", "kind", "agent_id", "component", "transport", "remote_address",` +
  ` "level", "key_group", "pq", "server_proven", "client_proven", "forward_secret", "since", "last_message_at")` +
  ` values (?, 'c', 'control', ?, 'agent', 'websocket', ?, ?, ?, ?, 1, ?, 1, ?, 0)`;

function linkValues({ evidence }: ObservedLink): (string | number | null)[] {
  const { level, group, pq, clientProven } = evidence;
  return [level, group, Number(pq), Number(clientProven)];
}
