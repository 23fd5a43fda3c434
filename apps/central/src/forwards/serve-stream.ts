import { randomUUID } from "node:crypto";
import type { Logger } from "@tautline/daemon";
import {
  formatHostPort,
  type ForwardChannel,
  type ForwardOpening,
  type StreamEnd,
} from "@tautline/link";
import { toTautlineError } from "@tautline/protocol";
import type { AgentCaller } from "../control/caller.ts";
import type { Refusals } from "../control/refusals.ts";
import type { CentralMetrics } from "../metrics.ts";
import { dialTarget, type LookupAll } from "./dial-target.ts";
import type { ForwardBook } from "./forward-book.ts";
import type { OwnPlaces } from "./own-places.ts";
import type { ProxyEndpoints } from "./proxy-header.ts";
import { requireRoom } from "./stream-rule.ts";
import type { LiveStream, StreamTable } from "./stream-table.ts";
import type { StreamUse } from "./stream-use.ts";

/** What carrying a stream needs. */
export interface ServeStreamDeps {
  readonly book: Pick<ForwardBook, "forwardFor">;
  readonly streams: StreamTable;
  readonly use: Pick<StreamUse, "note">;
  readonly own: OwnPlaces;
  readonly refusals: Pick<Refusals, "note">;
  readonly metrics: Pick<CentralMetrics, "forwardStreams" | "forwardBytes">;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The system's own way unless told. */
  readonly lookup?: LookupAll | undefined;
}

/** A link that carries streams, and whose it is. */
export interface ServedLink {
  readonly caller: AgentCaller;
  readonly channel: ForwardChannel;
  /** Both ends of the agent's connection, where they are known. */
  readonly endpoints: ProxyEndpoints | undefined;
}

/**
 * Answers one request for a stream: judged by what is allowed now, connected, carried to its end, counted. Never rejects.
 *
 * @param deps allowances, tables, log and clock
 * @param link that it came over
 * @param opening what is asked for
 */
export async function serveStream(
  deps: ServeStreamDeps,
  link: ServedLink,
  opening: ForwardOpening,
): Promise<void> {
  const { caller, channel, endpoints } = link;
  const { book, streams, own, lookup, metrics } = deps;
  const ending = new AbortController();
  const stream = describeStream(caller, opening, { ending, sinceMs: deps.now() });
  const signal = AbortSignal.any([opening.signal, ending.signal]);
  try {
    const allowance = book.forwardFor(caller.agent, stream.forward);
    requireRoom(streams.count(stream.agentId, stream.forward), allowance);
    stream.wanted = allowance.target;
    streams.add(stream);
    const dialled = await dialTarget(allowance, { own, endpoints, signal, lookup });
    stream.target = formatHostPort(dialled.address.host, dialled.address.port);
    opening.accept();
    const end = await channel.carry(dialled.socket, {
      idleTimeoutMs: allowance.idleMs,
      totalTimeoutMs: allowance.totalMs,
      signal: ending.signal,
      onBytes: (down, up) => {
        stream.heardMs = deps.now();
        stream.down += down;
        stream.up += up;
      },
    });
    noteEnd(deps, stream, end);
  } catch (thrown) {
    const error = toTautlineError(thrown);
    metrics.forwardStreams.inc({ outcome: "refused" });
    opening.refuse(error);
    await deps.refusals.note(error, caller);
  } finally {
    streams.remove(stream);
  }
}

function describeStream(
  { agent, evidence, remoteAddress }: AgentCaller,
  { request: { forward } }: ForwardOpening,
  { ending, sinceMs }: { readonly ending: AbortController; readonly sinceMs: number },
): LiveStream {
  return {
    id: randomUUID(),
    agentId: agent.id,
    namespace: agent.namespace,
    forward,
    operator: null,
    wanted: null,
    target: null,
    remoteAddress,
    evidence,
    sinceMs,
    heardMs: sinceMs,
    up: 0,
    down: 0,
    end: (reason) => ending.abort(reason),
  };
}

/**
 * Writes down how a stream ended.
 *
 * @param deps counters and log
 * @param stream that has ended
 * @param end as it was at the agent's link
 */
export function noteEnd(
  { metrics, use, log }: Pick<ServeStreamDeps, "metrics" | "use" | "log">,
  stream: LiveStream,
  end: Pick<StreamEnd, "verdict" | "error" | "durationMs">,
): void {
  const isClean = end.verdict === "clean";
  metrics.forwardStreams.inc({ outcome: isClean ? "clean" : "broken" });
  metrics.forwardBytes.inc({ direction: "up" }, stream.up);
  metrics.forwardBytes.inc({ direction: "down" }, stream.down);
  use.note(stream, isClean);
  const { agentId: agent, forward, target, up, down } = stream;
  const carried = { agent, forward, target, up, down, ms: Math.round(end.durationMs) };
  if (isClean) log.debug(carried, "a stream has ended");
  else log.info({ ...carried, code: end.verdict, why: end.error?.message }, "a stream was reset");
}
