import { request } from "node:http";
import { join } from "node:path";
import {
  launchProcess,
  launchTautline,
  type LaunchedProcess,
  tautlineCommand,
  withTempFolder,
} from "@tautline/testing";

/** A central that runs as a process of its own on free ports. */
export interface RunningCentral {
  readonly dataDir: string;
  /** An empty folder beside the data, for what else a test writes. */
  readonly folder: string;
  readonly agentsPort: number;
  readonly consolePort: number;
  /** Undefined where central has no plaintext port. */
  readonly plaintextPort: number | undefined;
  readonly process: LaunchedProcess;
  /** Calls the admin API over the socket in the data folder; throws with the problem document on a refusal. */
  call<Result>(method: string, path: string, body?: unknown): Promise<Result>;
  /** Makes an enrolment token and returns its text. */
  token(order?: {
    readonly uses?: number;
    readonly namespace?: string;
    readonly ttlMs?: number;
    readonly approve?: boolean;
  }): Promise<string>;
}

/** A link as the API lists it. */
export interface ListedLink {
  readonly id: string;
  readonly agent: string;
  readonly level: string;
  readonly group: string | null;
  readonly peerSerial: string | null;
  readonly peerId: string | null;
  readonly transport: string;
  readonly clientProven: boolean;
  readonly serverProven: boolean;
}

export interface Items<Item> {
  readonly items: readonly Item[];
}

/**
 * Starts a central in a fresh folder, gives it to `use`, and stops it.
 *
 * @param use the test
 */
export async function withCentral(use: (central: RunningCentral) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    await using process = launchCentral(dataDir);
    const central = await describeCentral(process, dataDir, folder);
    await use(central);
    await process.kill("SIGTERM");
  });
}

/** Ports that central listens on; 0 is any free one. */
export interface CentralPorts {
  readonly agents: number;
  readonly console: number;
}

/** What is different about a central: its settings file, its environment, where it listens. */
export interface CentralChange {
  /** 127.0.0.1 unless told. */
  readonly host?: string;
  /** Path of a central.yaml. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words that run a command elsewhere, before the command itself. */
  readonly within?: readonly [string, ...string[]];
}

/**
 * Starts central on a data folder.
 *
 * @param dataDir its data folder
 * @param ports those of an earlier run, to be dialled again; free ones by default
 * @param change settings and environment
 */
export function launchCentral(
  dataDir: string,
  ports: CentralPorts = { agents: 0, console: 0 },
  { config, env = {}, host = "127.0.0.1", within }: CentralChange = {},
): LaunchedProcess {
  const flags = ["--agents-port", String(ports.agents), "--console-port", String(ports.console)];
  const args = ["central", "run", "--json", "--data", dataDir, "--host", host, ...flags];
  const all = [...args, ...(config === undefined ? [] : ["--config", config])];
  if (within === undefined) return launchTautline(all, { env });
  const [command, ...words] = within;
  return launchProcess({ command, args: [...words, ...tautlineCommand(), ...all], env });
}

/** Waits for central's ready line and tells where it is. */
export async function describeCentral(
  process: LaunchedProcess,
  dataDir: string,
  folder: string,
): Promise<RunningCentral> {
  const ready = await process.waitForEvent((event) => event["event"] === "ready");
  const { plaintext } = ready;
  const socketPath = join(dataDir, "admin.sock");
  const call = <Result>(method: string, path: string, body?: unknown): Promise<Result> =>
    callSocket<Result>(socketPath, { method, path, ...(body === undefined ? {} : { body }) });
  return {
    dataDir,
    folder,
    agentsPort: Number(new URL(String(ready["agents"])).port),
    consolePort: Number(new URL(String(ready["console"])).port),
    plaintextPort: typeof plaintext === "string" ? Number(new URL(plaintext).port) : undefined,
    process,
    call,
    token: async (order = {}) =>
      (await call<{ token: string }>("POST", "/api/v1/tokens", order)).token,
  };
}

/**
 * Calls an HTTP API on a unix socket; throws with the body on a refusal.
 *
 * @param socketPath the socket
 * @param call what to ask; `body` is sent as JSON
 */
export function callSocket<Result>(
  socketPath: string,
  {
    method,
    path,
    body,
  }: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<Result> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    text === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const received = Buffer.concat(chunks).toString("utf8");
        if ((answer.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${received}`));
        else resolve((received === "" ? undefined : JSON.parse(received)) as Result);
      });
    });
    call.on("error", reject);
    call.end(text);
  });
}
