import type { Vault } from "@tautline/vault";
import type { AgentWorld } from "../agent-world.ts";
import { offeredCrypto } from "../control/crypto-settings.ts";
import { chooseProxy } from "../control/proxy-choice.ts";
import type { AgentForwardsOptions } from "../forwards/agent-forwards.ts";
import { followTlsFiles } from "../tls-files/tls-files.ts";
import { namedReceivers, type NamedReceivers } from "./edge-environment.ts";
import { dialEdgeLink } from "./edge-link.ts";
import { createEdgeService, type EdgeService } from "./edge-service.ts";
import { asUsed, describeFiles } from "./edge-files.ts";
import { createTroubleNote } from "./edge-trouble.ts";
import { type NamedPlaces, placesOf } from "./named-places.ts";

/** What an agent's edge needs of its agent. */
export interface AgentEdgeOptions extends Pick<AgentForwardsOptions, "signal" | "onProblem"> {
  /** How central is dialled; undefined where this agent has no identity to dial it by. */
  readonly way: AgentForwardsOptions["way"] | undefined;
  readonly vault: Pick<Vault, "seal" | "open">;
}

/** What of the world around an agent its edge uses. */
export type EdgeWorld = Pick<AgentWorld, "config" | "folder" | "clock" | "random" | "readVariable">;

/**
 * Reads which receivers the environment names for an agent that has an edge; without one the variables are the programs' own affair.
 *
 * @param world settings and environment
 * @throws agent.edge_variable
 */
export function edgeReceivers({
  config,
  readVariable,
}: Pick<EdgeWorld, "config" | "readVariable">): NamedReceivers | undefined {
  return config.edge.listen === undefined ? undefined : namedReceivers(readVariable);
}

/**
 * Makes an agent's edge: to the receivers that its environment names, else to central. It stops when the signal aborts.
 *
 * @param world settings, folder, time of the agent
 * @param options way to central, vault
 * @returns undefined where agent.yaml has none
 * @throws agent.edge_*, files.*, link.proxy_setting, link.system_store_empty: it refuses to start rather than send with less
 */
export function createAgentEdge(
  world: EdgeWorld,
  options: AgentEdgeOptions,
): EdgeService | undefined {
  const { config, folder, clock, random } = world;
  const { way, vault, signal } = options;
  const { listen } = config.edge;
  if (listen === undefined) return undefined;
  const trouble = createTroubleNote(clock.now, options.onProblem);
  const onProblem = trouble.note;
  const named = edgeReceivers(world);
  const others =
    named === undefined ? undefined : namedPlaces(world, named, { ...options, onProblem });
  const timeoutMs = config.central.answerTimeout;
  const edge = createEdgeService({
    settings: { ...config.edge, listen },
    places: others?.places ?? centralPlaces(way, timeoutMs),
    isCentral: others === undefined,
    connectTimeoutMs: timeoutMs,
    dataDir: folder.path,
    vault,
    clock,
    random,
    onProblem,
    shown: () => ({ files: describeFiles(others?.files), trouble: trouble.latest }),
  });
  signal.addEventListener("abort", () => void edge.stop(), { once: true });
  const files = others?.files;
  if (files !== undefined) {
    // New files are in use within 10 s, also for links that stand (SW-11, SWP-2).
    void followTlsFiles(
      asUsed(files),
      { clock, taken: () => edge.renew(), refused: onProblem },
      signal,
    );
  }
  return edge;
}

function namedPlaces(
  { config, folder, clock, readVariable }: EdgeWorld,
  named: NamedReceivers,
  { onProblem }: AgentEdgeOptions,
): NamedPlaces {
  return placesOf({
    named,
    settings: config.edge,
    dataDir: folder.path,
    timeoutMs: config.central.answerTimeout,
    now: clock.now,
    proxyFor: chooseProxy(config.central, readVariable).proxyFor,
    crypto: offeredCrypto(config.central),
    onProblem,
  });
}

function centralPlaces(
  way: AgentEdgeOptions["way"],
  timeoutMs: number,
): Parameters<typeof createEdgeService>[0]["places"] {
  if (way === undefined) return [];
  const connect = (signal: AbortSignal) => dialEdgeLink({ ...way, timeoutMs }, signal);
  return [{ name: "central", authority: "central", scheme: "https", connect }];
}
