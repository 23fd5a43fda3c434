import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import type { Level } from "@tautline/protocol";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import { callSocket, type Items, type RunningCentral } from "./running-central.ts";
import { until } from "./until.ts";

/** An agent that runs with forwards. */
export interface Forwarding extends AsyncDisposable {
  readonly process: LaunchedProcess;
  /** Its data folder. */
  readonly data: string;
  /** Where the agent listens for `name`. */
  readonly port: (name: string) => number;
}

/** What else is said of an agent with forwards. */
export interface ForwardingChange {
  /** Of central, as seen from the agent; 127.0.0.1 unless told. */
  readonly host?: string;
  /** Where the agent listens; 127.0.0.1 unless told. */
  readonly listen?: string;
  /** More settings of every forward, as YAML's flow: "maxStreams: 4096". */
  readonly each?: string;
  /** Of the agent's process while it runs. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Joins an agent and runs it at a level, with forwards that listen on loopback.
 *
 * @param central where to, with the key's file for levels with a shared key
 * @param level its own and its floor
 * @param names of its forwards
 * @param change what else is said of it
 */
export async function launchForwarding(
  central: Pick<RunningCentral, "folder" | "agentsPort" | "plaintextPort" | "token"> & {
    readonly keyFile?: string;
  },
  level: Level,
  names: readonly string[],
  { host = "127.0.0.1", listen = "127.0.0.1", each = "", env = {} }: ForwardingChange = {},
): Promise<Forwarding> {
  const data = join(central.folder, level);
  mkdirSync(data, { mode: 0o700 });
  const dialled = level === "plaintext" ? central.plaintextPort : central.agentsPort;
  const ports = await Promise.all(names.map(freePort));
  const more = each === "" ? "" : `, ${each}`;
  writeFileSync(
    join(data, "agent.yaml"),
    [
      `central:`,
      `  level: ${level}`,
      `  addresses: ["${host}:${dialled}"]`,
      ...(level === "basic" || level === "advanced"
        ? [`  key: { name: legacy, file: ${JSON.stringify(central.keyFile)} }`]
        : []),
      `floor: ${level}`,
      "forwards:",
      ...names.map((name, at) => `  ${name}: { listen: "${listen}:${ports[at]}"${more} }`),
    ].join("\n"),
  );
  await joinAt(central, data, level);
  const process = launchTautline(["agent", "run", "--json", "--data", data], { env });
  await process.waitForEvent((event) => event["event"] === "connected");
  return {
    process,
    data,
    port: (name) => ports[names.indexOf(name)] ?? 0,
    [Symbol.asyncDispose]: async () => void (await process.kill("SIGTERM")),
  };
}

/**
 * Joins an agent over the port that takes joins, whatever its own level will be.
 *
 * @param central where to
 * @param data its data folder
 * @param name what it is called
 */
export async function joinAt(
  central: Pick<RunningCentral, "token">,
  data: string,
  name: string,
): Promise<void> {
  const args = ["agent", "join", "--json", "--name", name, "--data", data];
  await using joining = launchTautline([...args], {
    env: { TAUTLINE_TOKEN: await central.token() },
  });
  const { code } = await joining.exited;
  assert.equal(code, 0, joining.stderr);
}

/** A port of this host's loopback that nobody listens at now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Connects to a forward of an agent that has just started. */
export async function dial(port: number): Promise<Socket> {
  // It listens once the agent's first message was answered, which "connected" tells of a moment earlier.
  return until(async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("close", () => resolve(false));
    });
    return isOpen ? socket : undefined;
  });
}

/** Waits until every forward of an agent that has just started listens, and connects to none. */
export async function untilListening(agent: Pick<Forwarding, "data">): Promise<void> {
  await until(async () =>
    (await statusOf(agent)).forwards.every(({ listening }) => listening) ? true : undefined,
  );
}

/** How a connection ended: in order, or reset. */
export function endOf(socket: Socket): Promise<"ended" | "reset"> {
  return new Promise((resolve) => {
    socket.once("end", () => resolve("ended"));
    socket.once("error", () => resolve("reset"));
    socket.once("close", () => resolve("reset"));
    socket.resume();
  });
}

/** A stream as the API lists it. */
export interface ListedStream {
  readonly kind: string;
  readonly component: string;
  readonly level: string;
}

/** The streams that central carries now. */
export async function streamsOf(
  central: Pick<RunningCentral, "call">,
): Promise<readonly ListedStream[]> {
  return (await central.call<Items<ListedStream>>("GET", "/api/v1/links?kind=forward")).items;
}

/**
 * Allows a forward of every agent to a port.
 *
 * @param central where
 * @param name of the forward
 * @param port of its target
 * @param change its host, 127.0.0.1 unless told, and its idle limit
 */
export function allow(
  central: Pick<RunningCentral, "call">,
  name: string,
  port: number,
  { host = "127.0.0.1", idleMs }: { readonly host?: string; readonly idleMs?: number } = {},
): Promise<unknown> {
  const target = `${host}:${port}`;
  return central.call("POST", "/api/v1/forwards", { name, target, ...(idleMs && { idleMs }) });
}

/** What `agent status` says of forwards. */
export interface ForwardingStatus {
  readonly forwards: readonly {
    readonly name: string;
    readonly origin: string;
    readonly listen: string;
    readonly listening: boolean;
    readonly open: number;
    readonly total: number;
    readonly refused: number;
    readonly cut: number;
    readonly sentBytes: number;
    readonly receivedBytes: number;
  }[];
  readonly errors: readonly { readonly code: string }[];
}

/** Asks an agent for its status. */
export function statusOf({ data }: Pick<Forwarding, "data">): Promise<ForwardingStatus> {
  return callSocket(join(data, "agent.sock"), { method: "GET", path: "/status" });
}
