import { hostname } from "node:os";
import { join } from "node:path";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { createSocketClient, type AdminClient } from "../client.ts";
import type { CommandContext, StopSignals } from "../context.ts";
import { textOf, type Row } from "../row.ts";
import { startPart, type ChildPart, type PartEnd } from "./child-part.ts";
import { renderWelcome, type Welcome } from "./welcome.ts";

const READY_TIMEOUT_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Where the fleet lives and listens. */
export interface FleetOptions {
  /** Absolute path; holds `central/` and `agent/`. */
  readonly folder: string;
  /** The same as the caller wrote it. */
  readonly shownFolder: string;
  readonly agentsPort: number;
  readonly consolePort: number;
}

/** Resolves when the caller wants to stop. */
type Stopped = Promise<"stopped">;

/**
 * Starts central and this host's agent, says where they are, and waits; stops them in reverse order.
 *
 * @param options folders and ports
 * @param context output, signals and how to start this command again
 * @throws cli.part_failed, cli.part_ended, cli.part_not_ready: the other part is stopped by then
 */
export async function runFleet(options: FleetOptions, context: CommandContext): Promise<void> {
  const signals = context.takeSignals();
  const stopped = aborted(signals.stop);
  const parts: ChildPart[] = [];
  signals.kill.addEventListener("abort", () => {
    for (const part of parts) part.kill();
  });
  try {
    const welcome = await startBoth(options, { context, parts, stopped });
    if (welcome === "stopped") return;
    await context.output.print({ event: "ready", ...welcome }, () =>
      renderWelcome(welcome, context.output.paint),
    );
    await Promise.race([stopped, ...parts.map(failWhenEnded)]);
    context.output.note("Stopping the agent, then central ...");
  } catch (error) {
    if (isTautlineError(error) && error.detail["log"] !== undefined) {
      context.output.note(`${error.detail["part"]} failed; its log: ${error.detail["log"]}`);
    }
    throw error;
  } finally {
    await stopAll(parts, signals);
  }
}

interface Stage {
  readonly context: CommandContext;
  /** Filled in the order of starting. */
  readonly parts: ChildPart[];
  readonly stopped: Stopped;
}

async function startBoth(options: FleetOptions, stage: Stage): Promise<Welcome | "stopped"> {
  const { context, parts } = stage;
  const dataDir = join(options.folder, "central");
  context.output.note("Starting central ...");
  parts.push(startCentral(options, context));
  const ready = await firstEvent("ready", stage);
  if (ready === "stopped") return ready;
  const client = createSocketClient({ dataDir, cwd: context.cwd });
  const isMember = await isJoined(join(options.folder, "agent"));
  context.output.note(
    isMember ? "Starting this host's agent ..." : "Joining this host's agent ...",
  );
  const port = new URL(textOf(ready, "agents")).port;
  parts.push(await startAgent(options, { context, client, isMember, port }));
  const connected = await firstEvent("connected", stage);
  if (connected === "stopped") return connected;
  return {
    agents: textOf(ready, "agents"),
    console: textOf(ready, "console"),
    agent: await linkOf(textOf(connected, "id"), client),
    next: await createJoinToken(client),
    folder: options.folder,
    shownFolder: options.shownFolder,
    tautline: context.tautline,
  };
}

function startCentral(options: FleetOptions, context: CommandContext): ChildPart {
  const { folder, agentsPort, consolePort } = options;
  const ports = ["--agents-port", `${agentsPort}`, "--console-port", `${consolePort}`];
  return startPart({
    name: "Central",
    command: [
      ...context.self,
      "central",
      "run",
      "--json",
      "--data",
      join(folder, "central"),
      ...ports,
    ],
    logFile: join(folder, "central.log"),
  });
}

async function startAgent(
  { folder }: FleetOptions,
  from: {
    readonly context: CommandContext;
    readonly client: AdminClient;
    readonly isMember: boolean;
    /** Of central's agents listener, this time. */
    readonly port: string;
  },
): Promise<ChildPart> {
  const { context, client, isMember, port } = from;
  const place = ["--json", "--data", join(folder, "agent")];
  const logFile = join(folder, "agent.log");
  if (isMember) {
    return startPart({
      name: "The agent",
      // The agent may know another port, of an earlier start.
      command: [
        ...context.self,
        "agent",
        "run",
        "--central-address",
        `127.0.0.1:${port}`,
        ...place,
      ],
      logFile,
    });
  }
  // The token goes in by standard input: process lists are read by everyone on the host.
  const join_ = ["agent", "join", "--token-file", "-", "--run", "--name", hostname()];
  return startPart({
    name: "The agent",
    command: [...context.self, ...join_, ...place],
    logFile,
    input: (await createJoinToken(client)).token,
  });
}

/** What central itself saw on the agent's link. */
async function linkOf(agent: string, client: AdminClient): Promise<Welcome["agent"]> {
  const [link] = await client.list({ path: ["links"], query: { kind: "control", agent } });
  return {
    id: agent,
    level: textOf(link ?? {}, "level"),
    group: textOf(link ?? {}, "group"),
  };
}

async function createJoinToken(
  client: AdminClient,
): Promise<{ readonly token: string; readonly expiresAt: string }> {
  const made = await client.post({ path: ["tokens"] }, { uses: 1, ttlMs: HOUR_MS });
  return { token: textOf(made, "token"), expiresAt: textOf(made, "expiresAt") };
}

/** A join that was interrupted goes on with a new token; only a proven identity runs without one. */
async function isJoined(agentFolder: string): Promise<boolean> {
  const { readAgentStatus } = await import("@tautline/agent/main");
  try {
    return (await readAgentStatus({ data: agentFolder })).state === "active";
  } catch (error) {
    if (isTautlineError(error) && error.code === "agent.not_joined") return false;
    throw error;
  }
}

async function firstEvent(name: string, { parts, stopped }: Stage): Promise<Row | "stopped"> {
  const part = parts.at(-1);
  if (part === undefined) return "stopped";
  const limit = AbortSignal.timeout(READY_TIMEOUT_MS);
  const late = aborted(limit).then(() => {
    const detail = { part: part.name, seconds: READY_TIMEOUT_MS / 1000, log: part.logFile };
    throw new TautlineError("cli.part_not_ready", { detail });
  });
  return await Promise.race([part.event(name), stopped, late, ...parts.map(failWhenEnded)]);
}

async function failWhenEnded(part: ChildPart): Promise<never> {
  throw endError(part, await part.ended);
}

function endError(part: ChildPart, end: PartEnd): TautlineError {
  const detail = { part: part.name, how: end.how, log: part.logFile };
  return end.problem === undefined
    ? new TautlineError("cli.part_ended", { detail })
    : new TautlineError("cli.part_failed", { detail, cause: end.problem });
}

async function stopAll(parts: readonly ChildPart[], signals: StopSignals): Promise<void> {
  for (const part of parts.toReversed()) {
    if (signals.kill.aborted) part.kill();
    await part.stop();
  }
}

function aborted(signal: AbortSignal): Stopped {
  if (signal.aborted) return Promise.resolve("stopped");
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve("stopped"), { once: true });
  });
}
