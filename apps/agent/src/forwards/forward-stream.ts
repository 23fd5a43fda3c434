import type { Socket } from "node:net";
import { peerReasonCode, resetPlain, type StreamEnd } from "@tautline/link";
import {
  type ErrorCode,
  isTautlineError,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { ForwardCounters } from "./forward-counters.ts";
import type { ForwardLink } from "./forward-link.ts";
import type { ForwardSettings } from "./forward-settings.ts";
import type { ForwardPool } from "./pool.ts";

/** What carrying the connections of one forward needs. */
export interface StreamOptions {
  readonly forward: string;
  readonly settings: Pick<ForwardSettings, "idleTimeout" | "totalTimeout" | "maxStreams">;
  readonly pool: Pick<ForwardPool<ForwardLink>, "take" | "giveBack">;
  readonly counters: ForwardCounters;
  /** How long central may take to say whether it opens a stream. */
  readonly openTimeoutMs: number;
  /** Ends every stream with its reason. */
  readonly signal: AbortSignal;
  readonly onProblem: (error: TautlineError) => void;
}

/** Links that may prove dead only when they are asked; after so many it is no accident. */
const MOST_TRIES = 3;
/** The link went away, and no stream was opened: another one may do. */
const LINK_GONE: ReadonlySet<ErrorCode> = new Set([
  "forward.closed",
  "forward.cut",
  "forward.silent",
]);
/** Programs reset their connections as they like, and streams end because this agent stops or its forward is taken away: nothing is wrong. */
const EVERYDAY: ReadonlySet<ErrorCode> = new Set([
  "forward.plain_reset",
  "agent.forward_stopping",
  "agent.forward_withdrawn",
]);

/**
 * Carries one connection of a program to central and back; where that cannot begin, or does not end clean, it is reset.
 *
 * @param plain from which nothing was read yet
 * @param options of its forward
 */
export async function carryConnection(plain: Socket, options: StreamOptions): Promise<void> {
  const { forward, settings, counters } = options;
  // It may be reset at any time, also before anybody carries it.
  plain.on("error", () => {});
  counters.total += 1;
  if (counters.open >= settings.maxStreams) {
    const detail = { forward, limit: settings.maxStreams };
    refuse(plain, options, new TautlineError("agent.forward_full", { detail }));
    return;
  }
  counters.open += 1;
  try {
    const link = await openStream(plain, options);
    if (link === undefined) return;
    const end = await carry(plain, link, options);
    options.pool.giveBack(link);
    if (end.error !== undefined) noteCut(end.error, options);
  } finally {
    counters.open -= 1;
  }
}

/** Gives undefined where the connection was reset instead. */
async function openStream(plain: Socket, options: StreamOptions): Promise<ForwardLink | undefined> {
  const { forward, pool, openTimeoutMs: timeoutMs, signal } = options;
  for (let tries = 1; ; tries += 1) {
    let link: ForwardLink | undefined;
    try {
      link = await pool.take(signal);
      await link.channel.open({ forward }, { timeoutMs, signal });
      return link;
    } catch (cause) {
      if (link !== undefined) pool.giveBack(link);
      const error = toTautlineError(cause);
      if (tries < MOST_TRIES && LINK_GONE.has(error.code)) continue;
      refuse(plain, options, whyRefused(error, options));
      return undefined;
    }
  }
}

function carry(plain: Socket, link: ForwardLink, options: StreamOptions): Promise<StreamEnd> {
  const { settings, counters, signal } = options;
  return link.channel.carry(plain, {
    idleTimeoutMs: settings.idleTimeout,
    totalTimeoutMs: settings.totalTimeout,
    signal,
    onBytes: (sent, received) => {
      counters.sentBytes += sent;
      counters.receivedBytes += received;
    },
  });
}

function refuse(plain: Socket, options: StreamOptions, error: TautlineError): void {
  options.counters.refused += 1;
  resetPlain(plain);
  if (!EVERYDAY.has(error.code)) options.onProblem(error);
}

/** That no link could be dialled is told with the forward that missed it. */
function whyRefused(error: TautlineError, { forward, signal }: StreamOptions): TautlineError {
  const { reason }: { readonly reason: unknown } = signal;
  if (isTautlineError(reason)) return reason;
  if (signal.aborted || error.code === "link.cancelled") {
    return new TautlineError("agent.forward_stopping", { cause: error, detail: { forward } });
  }
  if (error.code !== "agent.forward_dial_failed") return error;
  const detail = { forward, reason: String(error.detail["reason"] ?? error.message) };
  return new TautlineError("agent.forward_unreachable", { cause: error, detail });
}

function noteCut(error: TautlineError, { counters, onProblem }: StreamOptions): void {
  counters.cut += 1;
  const isEveryday = EVERYDAY.has(error.code) || EVERYDAY.has(peerReasonCode(error) ?? error.code);
  if (!isEveryday) onProblem(error);
}
