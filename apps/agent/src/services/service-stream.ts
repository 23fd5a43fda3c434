import { connect, type Socket } from "node:net";
import { resolve } from "node:path";
import {
  connectTcp,
  type ForwardChannel,
  type ForwardOpening,
  peerReasonCode,
  type StreamEnd,
} from "@tautline/link";
import {
  type ErrorCode,
  isTautlineError,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { ForwardCounters } from "../forwards/forward-counters.ts";
import { requireSocketPath } from "../socket-path.ts";
import { readServicePlace } from "./service-place.ts";
import type { ServiceSettings } from "./service-settings.ts";

/** A service that this host lists, and what went through it. */
export interface ListedService {
  readonly settings: ServiceSettings;
  readonly counters: ForwardCounters;
}

/** What serving streams of services needs. */
export interface ServiceStreamOptions {
  /** By name. */
  readonly services: ReadonlyMap<string, ListedService>;
  /** That paths are relative to. */
  readonly dataFolder: string;
  /** Ends every stream with its reason. */
  readonly signal: AbortSignal;
  readonly onProblem: (error: TautlineError) => void;
  /** Told who reaches what, as central says: for this host's own log. */
  readonly onOpened: (service: string, operator: string) => void;
}

/** For a program of this host or its network to answer. */
const CONNECT_MS = 10_000;
/** Programs end their connections as they like, and streams end because this agent stops: nothing is wrong. */
const EVERYDAY: ReadonlySet<ErrorCode> = new Set(["forward.plain_reset", "agent.forward_stopping"]);
/** As central tells it: the operator's end was reset, or ended on purpose. */
const EVERYDAY_THERE: ReadonlySet<ErrorCode> = new Set([
  "forward.plain_reset",
  "forward.reset",
  "forward.cancelled",
]);

/**
 * Answers one request of central's for a service: by this host's own list and nothing else, carried to its end, counted. Never
 * rejects.
 *
 * @param channel that it came over, at the accepter's end
 * @param opening what is asked for
 * @param options the list, and who is told
 */
export async function serveService(
  channel: ForwardChannel,
  opening: ForwardOpening,
  options: ServiceStreamOptions,
): Promise<void> {
  const { request } = opening;
  const listed = options.services.get(request.forward);
  if (listed === undefined) {
    const detail = { service: request.forward };
    return refuse(opening, new TautlineError("agent.service_unknown", { detail }), options);
  }
  const { counters, settings } = listed;
  counters.total += 1;
  if (counters.open >= settings.maxStreams) {
    counters.refused += 1;
    const detail = { service: request.forward, limit: settings.maxStreams };
    return refuse(opening, new TautlineError("agent.service_full", { detail }), options);
  }
  counters.open += 1;
  try {
    const plain = await connectOr(opening, listed, options);
    if (plain === undefined) return;
    options.onOpened(request.forward, operatorOf(request));
    opening.accept();
    noteEnd(await carry(channel, plain, listed, options), listed, options);
  } finally {
    counters.open -= 1;
  }
}

/** Gives undefined where it was refused instead. */
async function connectOr(
  opening: ForwardOpening,
  { settings, counters }: ListedService,
  options: ServiceStreamOptions,
): Promise<Socket | undefined> {
  const late = AbortSignal.timeout(CONNECT_MS);
  const signal = AbortSignal.any([opening.signal, options.signal, late]);
  try {
    return await connectTo(settings.to, options.dataFolder, signal);
  } catch (cause) {
    counters.refused += 1;
    const detail = { service: opening.request.forward, reason: reasonOf(cause, late) };
    const error = options.signal.aborted
      ? toTautlineError(options.signal.reason, "forward.cancelled")
      : new TautlineError("agent.service_unreachable", { cause, detail });
    refuse(opening, error, options);
    return undefined;
  }
}

async function connectTo(to: string, dataFolder: string, signal: AbortSignal): Promise<Socket> {
  const place = readServicePlace(to);
  if (place === undefined) throw new TautlineError("internal.unexpected");
  if (place.kind === "tcp") return connectTcp({ host: place.host, port: place.port, signal });
  const path = resolve(dataFolder, place.path);
  requireSocketPath(path);
  return connectUnix(path, signal);
}

function connectUnix(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((done, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    const cancel = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener("abort", cancel, { once: true });
    socket.once("connect", () => {
      signal.removeEventListener("abort", cancel);
      done(socket);
    });
    // Stays for the socket's life.
    socket.on("error", (error) => {
      signal.removeEventListener("abort", cancel);
      reject(error);
    });
    if (signal.aborted) cancel();
  });
}

function carry(
  channel: ForwardChannel,
  plain: Socket,
  { settings, counters }: ListedService,
  { signal }: ServiceStreamOptions,
): Promise<StreamEnd> {
  return channel.carry(plain, {
    idleTimeoutMs: settings.idleTimeout,
    totalTimeoutMs: settings.totalTimeout,
    signal,
    onBytes: (sent, received) => {
      counters.sentBytes += sent;
      counters.receivedBytes += received;
    },
  });
}

function noteEnd(
  { error }: StreamEnd,
  { counters }: ListedService,
  { onProblem }: ServiceStreamOptions,
): void {
  if (error === undefined) return;
  counters.cut += 1;
  const told = peerReasonCode(error);
  const isEveryday = told === undefined ? EVERYDAY.has(error.code) : EVERYDAY_THERE.has(told);
  if (!isEveryday) onProblem(error);
}

function refuse(
  opening: ForwardOpening,
  error: TautlineError,
  { onProblem }: ServiceStreamOptions,
): void {
  opening.refuse(error);
  if (!EVERYDAY.has(error.code)) onProblem(error);
}

/** A claim of central's, as all it says of others. */
function operatorOf(request: ForwardOpening["request"]): string {
  return typeof request["operator"] === "string" ? request["operator"] : "unknown";
}

function reasonOf(error: unknown, late: AbortSignal): string {
  if (late.aborted) return "it did not answer in time";
  if (isTautlineError(error) && error.code === "agent.socket_path_too_long") {
    return "the path of its socket is too long";
  }
  const inner = isTautlineError(error) ? error.cause : error;
  const code: unknown = inner instanceof Error ? Reflect.get(inner, "code") : undefined;
  return typeof code === "string" ? code : "the connection failed";
}
