import { request, type IncomingMessage } from "node:http";
import { join, relative } from "node:path";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import type { CommandContext } from "./context.ts";
import { findDataFolder } from "./data-folder.ts";
import { systemReason } from "./input-file.ts";
import { isRow, rowsOf, type Row } from "./row.ts";

const API = "/api/v1";
const ANSWER_TIMEOUT_MS = 30_000;
/** A list of 100,000 agents fits; more means that what answers is not central. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** What the kernel takes for a socket's path (sun_path in unix(7), less the final zero). */
const LONGEST_SOCKET_PATH = 107;

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** One route below /api/v1, its parts not yet encoded. */
export interface Target {
  readonly path: readonly string[];
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
}

/** Central's admin API over the socket in its data folder. Every call throws central's own refusal as cli.central_refused. */
export interface AdminClient {
  /** Absolute path of central's data folder. */
  readonly dataDir: string;
  get(target: Target): Promise<Row>;
  /** The `items` of a list. */
  list(target: Target): Promise<readonly Row[]>;
  post(target: Target, body?: Row): Promise<Row>;
  put(target: Target, body: Row): Promise<Row>;
  delete(target: Target): Promise<Row>;
}

/**
 * Makes the client of the central that runs on a data folder; nothing is sent before the first call.
 *
 * @param context environment and current folder
 * @param data the value of `--data`
 * @throws cli.central_not_running, cli.admin_socket_denied, cli.admin_socket_failed, cli.central_silent, cli.central_unreadable and
 *   cli.central_refused, from each call
 */
export function createAdminClient(
  context: Pick<CommandContext, "environment" | "cwd" | "userId">,
  data: string | undefined,
): AdminClient {
  const dataDir = findDataFolder("central", data, context);
  return createSocketClient({ dataDir, cwd: context.cwd });
}

/**
 * The same for a known data folder.
 *
 * @param options `dataDir` absolute path; `cwd` for a shorter way to the socket; `timeoutMs` for an answer
 */
export function createSocketClient({
  dataDir,
  cwd,
  timeoutMs = ANSWER_TIMEOUT_MS,
}: {
  readonly dataDir: string;
  readonly cwd: string;
  readonly timeoutMs?: number;
}): AdminClient {
  const socketPath = shortestPath(join(dataDir, "admin.sock"), cwd);
  const call = async (method: Method, target: Target, body?: Row): Promise<Row> => {
    const exchange = { method, path: formatTarget(target), dataDir, socketPath, timeoutMs };
    return readAnswer(await send(exchange, body), exchange);
  };
  return {
    dataDir,
    get: (target) => call("GET", target),
    list: async (target) => rowsOf(await call("GET", target), "items"),
    post: (target, body) => call("POST", target, body ?? {}),
    put: (target, body) => call("PUT", target, body),
    delete: (target) => call("DELETE", target),
  };
}

interface Exchange {
  readonly method: Method;
  readonly path: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly timeoutMs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function formatTarget({ path, query }: Target): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  const route = `${API}/${path.map(encodeURIComponent).join("/")}`;
  return search.size === 0 ? route : `${route}?${search.toString()}`;
}

async function send(exchange: Exchange, body: Row | undefined): Promise<Answer> {
  const { method, path, socketPath, timeoutMs } = exchange;
  const payload = body === undefined ? undefined : JSON.stringify(body);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request({
      method,
      path,
      socketPath,
      // A connection kept from an earlier call may belong to a central that has stopped since.
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        host: "localhost",
        accept: "application/json, application/problem+json",
        ...(payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
      },
    });
    outgoing.on("response", resolve).on("error", reject).end(payload);
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await readBody(response, exchange) };
  } catch (cause) {
    throw explainTransport(cause, exchange);
  }
}

async function readBody(response: IncomingMessage, exchange: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      throw unreadable(exchange, `it has more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readAnswer({ status, text }: Answer, exchange: Exchange): Row {
  const value = text === "" ? {} : parse(text, status, exchange);
  if (status < 200 || status > 299) throw refusal(value, status, exchange);
  if (!isRow(value)) throw unreadable(exchange, "it is not a JSON object");
  return value;
}

function parse(text: string, status: number, exchange: Exchange): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (status < 200 || status > 299) return undefined;
    throw unreadable(exchange, "it is not JSON", cause);
  }
}

function refusal(value: unknown, status: number, exchange: Exchange): TautlineError {
  return new TautlineError("cli.central_refused", {
    cause: value,
    detail: { request: requestName(exchange), status },
  });
}

function unreadable(exchange: Exchange, reason: string, cause?: unknown): TautlineError {
  const detail = { request: requestName(exchange), reason };
  return new TautlineError("cli.central_unreadable", { cause, detail });
}

function requestName({ method, path }: Exchange): string {
  return `${method} ${path.split("?")[0]}`;
}

function explainTransport(cause: unknown, exchange: Exchange): TautlineError {
  if (isTautlineError(cause)) return cause;
  const { dataDir, timeoutMs } = exchange;
  const path = join(dataDir, "admin.sock");
  if (cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError")) {
    return new TautlineError("cli.central_silent", {
      cause,
      detail: { request: requestName(exchange), seconds: Math.ceil(timeoutMs / 1000) },
    });
  }
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ECONNREFUSED":
      return new TautlineError("cli.central_not_running", { cause, detail: { dataDir } });
    case "EACCES":
    case "EPERM":
      return new TautlineError("cli.admin_socket_denied", { cause, detail: { path } });
    default:
      return new TautlineError("cli.admin_socket_failed", {
        cause,
        detail: { path, reason: systemReason(cause) },
      });
  }
}

/** A socket's path is bounded by the kernel; the way from the caller's folder may be the shorter one. */
function shortestPath(path: string, cwd: string): string {
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path;
  const fromHere = relative(cwd, path);
  return fromHere.length < path.length ? fromHere : path;
}
