import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { startParts } from "@tautline/daemon";
import { type TautlineError, toTautlineError } from "@tautline/protocol";
import { ensurePrivateFolder } from "@tautline/vault";
import { openAgentVault } from "../agent-vault.ts";
import type { AgentWorld } from "../agent-world.ts";
import { takeFolderLock } from "../folder-lock.ts";
import { createProblemList } from "../problem-list.ts";
import { reportProblem } from "../problem-report.ts";
import { createReportAllowance } from "../report-allowance.ts";
import { resource } from "../resource.ts";
import { type AgentStatus, describeEdgeAlone } from "../status/agent-status.ts";
import { openStatusSocket } from "../status/status-socket.ts";
import { createAgentEdge, edgeReceivers } from "./agent-edge.ts";
import type { EdgeService } from "./edge-service.ts";

/** What of the world around an agent is used where it has no identity, and is an edge only. */
export type EdgeAloneWorld = Pick<
  AgentWorld,
  "folder" | "config" | "log" | "clock" | "random" | "readVariable" | "host" | "onProblem"
>;

/**
 * Tells whether an agent that has not joined is to be an edge only: agent.yaml has an edge and no central, and the environment names
 * receivers.
 *
 * @param world settings and environment
 * @throws agent.edge_variable
 */
export function isEdgeAlone(world: Pick<EdgeAloneWorld, "config" | "readVariable">): boolean {
  return world.config.central.addresses.length === 0 && edgeReceivers(world) !== undefined;
}

/**
 * Runs an edge to receivers that the environment names, without a central and an identity, until the signal aborts.
 *
 * @param world everything around it
 * @param signal aborts to stop
 * @throws agent.already_running, agent.edge_*, files.*, vault.* codes
 */
export async function runEdgeAlone(world: EdgeAloneWorld, signal: AbortSignal): Promise<void> {
  const { folder, config, log, clock, readVariable } = world;
  const problems = createProblemList(clock.now);
  const allowance = createReportAllowance(clock.now);
  const onProblem = (error: TautlineError): void =>
    reportProblem(error, { problems, allowance, log, onProblem: world.onProblem });
  let edge: EdgeService | undefined;
  const lock = resource(
    "data folder",
    () => {
      ensurePrivateFolder(folder.path);
      return takeFolderLock(folder.lock, folder.path);
    },
    (held) => held.release(),
  );
  const vault = resource(
    "vault",
    () => openAgentVault({ folder, config, readVariable, mayCreate: !isSealed(world) }),
    (opened) => opened.close(),
  );
  const status = (): AgentStatus =>
    describeEdgeAlone(config.name ?? world.host.hostName, {
      edge: edge?.status ?? null,
      problems: problems.latest,
      vault: vault.value.status(),
    });
  const socket = resource(
    "status socket",
    () => openStatusSocket(folder.socket, status),
    (opened) => opened.close(),
  );
  const running = await startParts([lock, vault, socket], (part, error) =>
    log.error({ err: toTautlineError(error) }, `the part '${part}' did not stop cleanly`),
  );
  try {
    edge = createAgentEdge(world, { way: undefined, vault: vault.value, signal, onProblem });
    log.info({ dataDir: folder.path }, "the edge starts, without a central");
    edge?.start();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    log.info("the edge stops");
  } finally {
    await edge?.stop();
    await running.stop();
  }
}

/** With a new vault what is kept could not be opened any more. */
function isSealed({ folder, config }: EdgeAloneWorld): boolean {
  const kept = join(folder.path, config.edge.store.folder);
  return existsSync(folder.settings) || (existsSync(kept) && readdirSync(kept).length > 0);
}
