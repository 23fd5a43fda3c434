import { existsSync } from "node:fs";
import { TautlineError } from "@tautline/protocol";
import type { CentralOptions } from "./central-verb.ts";
import type { CommandContext } from "./context.ts";
import { contextFile } from "./contexts/context-path.ts";
import { findDataFolder } from "./data-folder.ts";
import type { StoredContext } from "./contexts/context-store.ts";
import {
  type Answer,
  type Exchange,
  readBody,
  requestName,
  type StreamedAnswer,
  type Transport,
} from "./http-exchange.ts";
import { isRow, rowsOf, type Row } from "./row.ts";
import { type SocketPlace, socketStream, socketTransport } from "./socket-transport.ts";

const API = "/api/v1";
const ANSWER_TIMEOUT_MS = 30_000;

/** One route below /api/v1, its parts not yet encoded. */
export interface Target {
  readonly path: readonly string[];
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
}

/** Central's API, whichever way it is reached. Every call throws central's own refusal as cli.central_refused. */
export interface AdminClient {
  get(target: Target): Promise<Row>;
  /** The `items` of a list. */
  list(target: Target): Promise<readonly Row[]>;
  post(target: Target, body?: Row): Promise<Row>;
  put(target: Target, body: Row): Promise<Row>;
  delete(target: Target): Promise<Row>;
}

/**
 * Makes the client of the central that a verb is about; nothing is looked for or sent before the first call.
 *
 * Order: `--data`, `--context`, TAUTLINE_DATA, the context in use, the usual data folders. The first two and TAUTLINE_DATA are
 * never passed over in favour of another central.
 *
 * @param context environment, current folder and clock
 * @param options what the command line says of central
 * @throws cli.central_not_running, cli.admin_socket_denied, cli.admin_socket_failed, cli.central_silent, cli.central_unreadable,
 *   cli.central_refused, and those of `contextTransport`, from each call
 */
export function createAdminClient(
  context: Pick<CommandContext, "environment" | "cwd" | "userId" | "now">,
  options: CentralOptions,
): AdminClient {
  let found: Promise<Transport> | undefined;
  return createClient(async (exchange) => {
    found ??= findTransport(context, options);
    return (await found)(exchange);
  });
}

async function findTransport(
  context: Pick<CommandContext, "environment" | "cwd" | "userId" | "now">,
  options: CentralOptions,
): Promise<Transport> {
  const way = await findWay(context, options);
  if ("place" in way) return socketTransport(way.place);
  const { contextTransport } = await import("./contexts/context-transport.ts");
  return contextTransport(way.chosen, way.patience);
}

/** Which central a verb is about: over the socket of its data folder, or as a context says. */
export type Way =
  | { readonly place: SocketPlace }
  | {
      readonly chosen: StoredContext;
      readonly patience: { readonly now: () => number; readonly timeoutMs: number };
    };

/**
 * Finds which central a verb is about, in the order of `createAdminClient`.
 *
 * @param context environment, current folder and clock
 * @param options what the command line says of central
 */
export async function findWay(
  context: Pick<CommandContext, "environment" | "cwd" | "userId" | "now">,
  options: CentralOptions,
): Promise<Way> {
  const { environment, cwd } = context;
  const file = contextFile(environment);
  const isFolderNamed = options.data !== undefined;
  const isContextNamed = options.context !== undefined && !isFolderNamed;
  const mayUseContext = !isFolderNamed && environment.dataDir === undefined;
  if (isContextNamed || (mayUseContext && file !== undefined && existsSync(file))) {
    // Loaded only here: it brings TLS, chains and the vault's files, which the admin socket needs none of.
    const { findContext } = await import("./contexts/context-store.ts");
    const chosen = findContext(environment, options.context);
    const patience = { now: context.now, timeoutMs: ANSWER_TIMEOUT_MS };
    if (chosen !== undefined) return { chosen, patience };
  }
  const dataDir = findDataFolder("central", options.data, context);
  return { place: { dataDir, cwd, timeoutMs: ANSWER_TIMEOUT_MS } };
}

/**
 * Opens a route whose answer is read as it comes.
 *
 * @param way which central
 * @param target the route
 * @param signal ends it at any time
 * @throws as every call of an AdminClient
 */
export async function openRoute(
  way: Way,
  target: Target,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const path = formatTarget(target);
  const { status, body } = await openStream(way, path, signal);
  if (status >= 200 && status <= 299) return body;
  const exchange = { method: "GET", path } as const;
  throw refusal(parse(await readBody(body), status, exchange), status, exchange);
}

async function openStream(way: Way, path: string, signal: AbortSignal): Promise<StreamedAnswer> {
  if ("place" in way) return socketStream(way.place)(path, signal);
  const { contextStream } = await import("./contexts/context-transport.ts");
  return contextStream(way.chosen, way.patience)(path, signal);
}

/**
 * The same for the admin socket of a known data folder.
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
  return createClient(socketTransport({ dataDir, cwd, timeoutMs }));
}

/**
 * Makes the client of a central that is reached by a way already known.
 *
 * @param transport the way
 */
export function createClient(transport: Transport): AdminClient {
  const call = async (method: Exchange["method"], target: Target, body?: Row): Promise<Row> => {
    const path = formatTarget(target);
    const exchange = { method, path, ...(body === undefined ? {} : { body }) };
    return readAnswer(await transport(exchange), exchange);
  };
  return {
    get: (target) => call("GET", target),
    list: async (target) => rowsOf(await call("GET", target), "items"),
    post: (target, body) => call("POST", target, body ?? {}),
    put: (target, body) => call("PUT", target, body),
    delete: (target) => call("DELETE", target),
  };
}

/**
 * Writes the path of a route, with its query.
 *
 * @param target the route
 */
export function formatTarget({ path, query }: Target): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  const route = `${API}/${path.map(encodeURIComponent).join("/")}`;
  return search.size === 0 ? route : `${route}?${search.toString()}`;
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
