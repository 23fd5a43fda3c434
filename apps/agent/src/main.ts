import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname, platform } from "node:os";
import { resolve } from "node:path";
import { logFindings, type LoadedSettings } from "@tautline/daemon";
import {
  decodeJoinToken,
  isAgentName,
  isTautlineError,
  type Level,
  LIMITS,
  parseAgentName,
  TautlineError,
  type JoinToken,
} from "@tautline/protocol";
import { ensurePrivateFolder, writeFileDurably } from "@tautline/vault";
import { createAgent } from "./agent.ts";
import type { AgentWorld } from "./agent-world.ts";
import { systemClock } from "./clock.ts";
import { agentConfigExample, loadAgentSettings, type AgentConfig } from "./config.ts";
import { dataFolder, type DataFolder } from "./data-folder.ts";
import { isEdgeAlone, runEdgeAlone } from "./edge/edge-alone.ts";
import { isSameCentral, ticketOf } from "./enrolment/join-ticket.ts";
import { runLegacyAgent } from "./legacy/legacy-agent.ts";
import { legacyWish, type LegacyFlags } from "./legacy/legacy-wish.ts";
import { openTlsFiles } from "./tls-files/tls-files.ts";
import { createAgentLog } from "./log.ts";
import { lowerFloor } from "./lower-floor.ts";
import { readOpenSettings } from "./settings/settings-file.ts";
import type { AgentStatus } from "./status/agent-status.ts";
import { readStatus } from "./status/status-reader.ts";

export { agentConfigExample, agentConfigReference, checkAgentConfig } from "./config.ts";
export type { AgentStatus } from "./status/agent-status.ts";

const SILENT = { onConnected: () => {}, onRenewed: () => {} };

/** Rounds through central's addresses before a join at a terminal gives up; about five seconds if nobody answers at once. */
const JOIN_ROUNDS = 5;

/** Which agent is meant. */
export interface AgentOptions {
  /** Path of agent.yaml; without it the one in the data folder, if there is one. */
  readonly config?: string | undefined;
  /** Data folder; without it TAUTLINE_DATA, then `dataDir` of the settings, then ./data/agent. */
  readonly data?: string | undefined;
}

/** How `agent run` is to run. */
export interface RunOptions extends AgentOptions {
  /** Print one JSON document a line instead of sentences. */
  readonly json?: boolean | undefined;
  /** Where central is asked first, this time: "host:port" each. */
  readonly centralAddresses?: readonly string[] | undefined;
  /** Runs without an identity, by these; without them agent.yaml may say so. */
  readonly legacy?: LegacyFlags | undefined;
}

/** How `agent join` is to join. */
export interface JoinOptions extends RunOptions {
  /** The token's text; without it `tokenFile`, then TAUTLINE_TOKEN, then what an interrupted join left. */
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly name?: string | undefined;
  /** Return at once where an operator has to approve; a later call goes on. */
  readonly noWait?: boolean | undefined;
  /** Stay and run the agent once it has joined. */
  readonly run?: boolean | undefined;
}

/** How the agent talks to whoever started it. */
export interface AgentIo {
  /** Writes one line to standard output. */
  readonly stdout: (line: string) => unknown;
  /** Writes a remark for people to standard error while a join goes on; without it such remarks go to the log. */
  readonly note?: (line: string) => unknown;
  /** Aborts to stop; SIGTERM and SIGINT do the same. */
  readonly signal: AbortSignal;
}

/**
 * Runs the agent of a data folder until it is told to stop; then it says goodbye to central. One that has not joined runs without an
 * identity where flags or agent.yaml say so, and as an edge only where the environment names receivers.
 *
 * @returns the exit code 0
 * @throws agent.not_joined, agent.already_running, agent.legacy_*, agent.level_*, config.*, vault.* codes
 */
export async function runAgent(options: RunOptions, io: AgentIo): Promise<number> {
  const { folder, config, keyTexts, findings } = locate(options);
  const joined = readOpenSettings(folder.settings);
  const isLegacy = options.legacy !== undefined;
  if (joined === undefined && !isLegacy && isEdgeAlone({ config, readVariable })) {
    return untilSignal(io.signal, async (signal) => {
      await runEdgeAlone(worldOf(folder, config, SILENT), signal);
      return 0;
    });
  }
  if (joined === undefined) {
    const trusting = trustOf(options.legacy, config);
    const files = openTlsFiles({ config: trusting, dataDir: folder.path });
    const host = { hostName: hostLabel(), filesLevel: files?.value.level };
    const wish = legacyWish(options.legacy, trusting, host);
    if (wish === undefined) {
      throw new TautlineError("agent.not_joined", { detail: { dataDir: folder.path } });
    }
    return untilSignal(io.signal, async (signal) => {
      // A file that is named now stands above a text that an old settings file brought.
      const texts = options.legacy?.keyFile === undefined ? { keyTexts } : {};
      const world = { ...worldOf(folder, trusting, printTo(options, io)), ...texts, files };
      logFindings(world.log, findings);
      const addresses = [...(options.centralAddresses ?? []), ...wish.addresses];
      await runLegacyAgent({ ...wish, addresses }, world, signal);
      return 0;
    });
  }
  if (options.legacy !== undefined) {
    const detail = { dataDir: folder.path, id: joined.agentId };
    throw new TautlineError("agent.legacy_joined", { detail });
  }
  return untilSignal(io.signal, async (signal) => {
    const firstAddresses = options.centralAddresses ?? [];
    const world = { ...worldOf(folder, config, printTo(options, io)), firstAddresses, keyTexts };
    logFindings(world.log, findings);
    await createAgent(world).run(signal);
    return 0;
  });
}

/** Whom to trust, as the command line says it: it stands above the settings file as a whole, so that nothing there widens it. */
function trustOf(flags: LegacyFlags | undefined, config: AgentConfig): AgentConfig {
  const { caFile, pins = [] } = flags ?? {};
  if (caFile === undefined && pins.length === 0) return config;
  const trust = { system: false, caFile, pins: [...pins] };
  return { ...config, central: { ...config.central, trust } };
}

/** How `agent leave` is to leave. */
export interface LeaveOptions extends AgentOptions {
  /** Wipe this host and tell central nothing. */
  readonly force?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Leaves central: tells it, and wipes the agent's data once that is acknowledged.
 *
 * @returns the exit code 0
 * @throws agent.not_joined, agent.already_running, agent.leave_*, agent.wipe_failed, config.*, vault.* codes
 */
export async function leaveAgent(options: LeaveOptions, io: AgentIo): Promise<number> {
  const { folder, config } = locate(options);
  // With a damaged state there is nobody to say good-bye as, and still something to wipe.
  if (!existsSync(folder.settings)) {
    throw new TautlineError("agent.not_joined", { detail: { dataDir: folder.path } });
  }
  const agent = createAgent(worldOf(folder, config, SILENT));
  const told = options.force !== true;
  const id = told ? await untilSignal(io.signal, (signal) => agent.leave(signal)) : null;
  if (!told) await agent.wipe();
  const sentence = told
    ? `Agent ${id} has left; its data on this host is wiped.`
    : "The agent's data on this host is wiped; central was not told.";
  io.stdout(options.json === true ? JSON.stringify({ id, told, wiped: true }) : sentence);
  return 0;
}

/** How far below what was proven an agent may dial from now on. */
export interface LowerFloorWish extends AgentOptions {
  readonly level: Level;
  readonly json?: boolean | undefined;
}

/**
 * Lets the stopped agent of a data folder dial below the highest level that it has proven with its central.
 *
 * @returns the exit code 0
 * @throws agent.not_joined, agent.already_running, config.*, vault.* codes
 */
export async function lowerAgentFloor(wish: LowerFloorWish, io: AgentIo): Promise<number> {
  const { folder, config } = locate(wish);
  const { now } = systemClock;
  const lowered = await lowerFloor(wish.level, { folder, config, readVariable, now });
  const { was, is } = lowered;
  const sentence =
    was === is
      ? `Nothing was changed: the highest proven level is ${was ?? "none"}.`
      : `This agent may dial at ${String(is)} from now on; ${String(was)} was proven before.`;
  io.stdout(wish.json === true ? JSON.stringify(lowered) : sentence);
  return 0;
}

/**
 * Joins central, or finishes a join; prints the agent's id. Where an operator is to approve it waits, or with `noWait` says so. On a host that has joined this central it says so and uses no token.
 *
 * @returns the exit code 0
 * @throws agent.token_missing, agent.already_joined, value.join_token, agent.*, link.*, config.*, vault.* codes
 */
export async function joinAgent(options: JoinOptions, io: AgentIo): Promise<number> {
  const { folder, config } = locate(options);
  const token = readToken(options);
  const name = parseAgentName(options.name ?? config.name ?? hostLabel());
  const wasJoined = isJoinedTo(folder, token);
  if (!wasJoined) {
    ensurePrivateFolder(folder.path);
    writeExample(folder);
    await untilSignal(io.signal, async (signal) => {
      const ticket = token && ticketOf(token);
      const agent = createAgent({ ...worldOf(folder, config, SILENT), ...noting(io) });
      const mayWait = options.noWait !== true;
      const joined = agent.join({ ticket, name, maxRounds: JOIN_ROUNDS, mayWait }, signal);
      await joined.catch((error: unknown) => {
        if (mayWait || !isWaiting(error)) throw error;
      });
    });
  }
  printJoined(options, io, await readStatus(folder), wasJoined);
  return options.run === true ? runAgent(options, io) : 0;
}

/**
 * Reads the status of an agent, running or not.
 *
 * @throws agent.not_joined, agent.status_unreadable, agent.settings_damaged, config.*, vault.* codes
 */
export function readAgentStatus(options: AgentOptions): Promise<AgentStatus> {
  return readStatus(locate(options).folder);
}

interface Located extends LoadedSettings<AgentConfig> {
  readonly folder: DataFolder;
}

/** The flag stands above the variable, the variable above the file. */
function locate(options: AgentOptions): Located {
  const given = options.data ?? process.env["TAUTLINE_DATA"];
  const asked = options.config === undefined ? undefined : loadFile(options.config);
  const folder = dataFolder(resolve(given ?? asked?.config.dataDir ?? "data/agent"));
  const own = existsSync(folder.config) ? folder.config : undefined;
  return { folder, ...(asked ?? loadFile(own)) };
}

function loadFile(file: string | undefined): LoadedSettings<AgentConfig> {
  return loadAgentSettings(file, readVariable);
}

function readVariable(name: string): string | undefined {
  return process.env[name];
}

function isWaiting(error: unknown): boolean {
  return isTautlineError(error) && error.code === "agent.approval_waiting";
}

/** At a terminal each new problem of a join is one plain line; the same one again says nothing new. */
function noting({ note }: AgentIo): Pick<AgentWorld, "onProblem" | "onWaiting"> {
  if (note === undefined) return {};
  const noted = new Set<string>();
  return {
    onWaiting: (id, code) =>
      note(
        `An operator has to approve this host. Its code is ${code}; at central: tautline agents approve ${id}`,
      ),
    onProblem: ({ message }) => {
      if (noted.has(message)) return;
      noted.add(message);
      note(message);
    },
  };
}

function worldOf(
  folder: DataFolder,
  config: AgentConfig,
  told: Pick<AgentWorld, "onConnected" | "onRenewed">,
): AgentWorld {
  return {
    folder,
    config,
    log: createAgentLog(config),
    clock: systemClock,
    random: Math.random,
    readVariable,
    host: {
      hostName: hostname(),
      osType: platform(),
      startedAtMs: Date.now(),
      upgrade: config.upgrade,
      instructions: config.allowedInstructions,
    },
    ...told,
  };
}

/** A join to the same central again must not wait for, or disturb, an agent that is running. */
function isJoinedTo(folder: DataFolder, token: JoinToken | undefined): boolean {
  const open = readOpenSettings(folder.settings);
  if (open?.state !== "committed") return false;
  if (token === undefined || isSameCentral(ticketOf(token), open.identity)) return true;
  throw new TautlineError("agent.already_joined", {
    detail: { trustDomain: open.identity.trustDomain, id: open.agentId },
  });
}

function readToken(options: JoinOptions): JoinToken | undefined {
  const text = options.token ?? readTokenFile(options.tokenFile) ?? process.env["TAUTLINE_TOKEN"];
  return text === undefined || text.trim() === "" ? undefined : decodeJoinToken(text.trim());
}

function readTokenFile(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    const bytes = readFileSync(file);
    return bytes.subarray(0, 2 * LIMITS.joinTokenCharacters.value).toString("utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    throw new TautlineError("agent.token_unreadable", { cause, detail: { file, reason } });
  }
}

function hostLabel(): string {
  const name = hostname();
  return isAgentName(name) ? name : "agent";
}

/** People find every key and its default beside the agent's data; nothing in the file is in force until they uncomment it. */
function writeExample(folder: DataFolder): void {
  if (!existsSync(folder.config)) writeFileDurably(folder.config, agentConfigExample());
}

function printJoined(
  options: JoinOptions,
  io: AgentIo,
  status: AgentStatus,
  wasJoined: boolean,
): void {
  const { id, name, namespace, state, approval } = status;
  const code = approval === null ? {} : { code: approval.code };
  if (options.json === true) io.stdout(JSON.stringify({ id, name, namespace, state, ...code }));
  else if (approval !== null) io.stdout(`${id} (waits for approval; its code is ${approval.code})`);
  else io.stdout(wasJoined ? `${id} (had joined already; no token was used)` : id);
}

function printTo(options: RunOptions, io: AgentIo): Pick<AgentWorld, "onConnected" | "onRenewed"> {
  const print = (event: Readonly<Record<string, unknown>>, sentence: string): unknown =>
    io.stdout(options.json === true ? JSON.stringify(event) : sentence);
  return {
    onConnected: (id, address, { level, group }) => {
      const keys = level === "plaintext" ? "" : `, ${group ?? "group not known"}`;
      const sentence = `connected to ${address}: ${level}${keys}`;
      print({ event: "connected", id, level, group }, sentence);
    },
    onRenewed: ({ agentId: id, identity, renewal }) => {
      const { validToDate } = new X509Certificate(identity.clientChainPem);
      const number = renewal.counter.toString();
      const notAfter = validToDate.toISOString();
      const sentence = `renewed: identity number ${number}, good until ${notAfter}`;
      print({ event: "renewed", id, number, notAfter }, sentence);
    },
  };
}

/** Both ways of stopping become one; a second Ctrl-C ends the process at once, as the listeners are gone by then. */
async function untilSignal<Result>(
  outer: AbortSignal,
  use: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  process.once("SIGTERM", abort);
  process.once("SIGINT", abort);
  try {
    return await use(AbortSignal.any([stop.signal, outer]));
  } finally {
    process.off("SIGTERM", abort);
    process.off("SIGINT", abort);
  }
}
