import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Logger } from "@tautline/daemon";
import {
  type CallRecord,
  type CarriedConnection,
  type Carrier,
  createCarrier,
} from "@tautline/link";
import type { TautlineError } from "@tautline/protocol";
import type { AgentCaller } from "../control/caller.ts";
import { createLogAllowance, type LogAllowance } from "../control/log-allowance.ts";
import type { OpenConnections } from "../control/open-connections.ts";
import type { HistoryRecorder } from "../history/history-recorder.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { BackendUpstreams } from "./backend-upstreams.ts";
import { outcomeOf } from "./call-outcome.ts";
import { type CallJudgeDeps, judgeOf } from "./call-judge.ts";
import type { ReceiverLink } from "./caller.ts";
import {
  type ArrivedLink,
  type IdentifiedLink,
  type IdentifyDeps,
  identifyLink,
  linkOfAgent,
} from "./identify-link.ts";
import type { LinkTable, LiveReceiverLink } from "./link-table.ts";
import type { ProgramWatch } from "./program-watch.ts";
import { backendFor } from "./route-rule.ts";
import { judgeStanding, mayHaveEnded, type StandingFacts } from "./standing-rule.ts";

/** What the receiver needs. */
export interface ReceiverServiceDeps extends IdentifyDeps, CallJudgeDeps {
  readonly connections: Pick<OpenConnections, "admit" | "giveVoice">;
  readonly upstreams: BackendUpstreams;
  readonly table: LinkTable;
  readonly history: Pick<HistoryRecorder, "opened" | "closed">;
  readonly programs: ProgramWatch;
  readonly isKeyLive: StandingFacts["isKeyLive"];
  readonly metrics: Pick<CentralMetrics, "receiverCalls" | "receiverBytes">;
  readonly log: Logger;
}

/** Takes telemetry from whoever may send it, and carries it to its backends. */
export interface ReceiverService {
  /** Serves HTTP/2 or HTTP/1.1 on a connection of its own; never throws. */
  serve(arrived: ArrivedLink): void;
  /** Serves an agent's edge on a link that went over to this; resolves when it is gone. Never rejects. */
  serveEdge(
    caller: AgentCaller,
    link: { readonly socket: Duplex; readonly head: Uint8Array },
  ): Promise<void>;
  /** Ends every link that may no longer be, with the reason: called after each change. */
  judgeAgain(): void;
  /** Ends links of which something has come to its end by itself: called by the clock. */
  endExpired(): void;
  /**
   * Ends links of programs whose certificate has been revoked: called by the clock.
   *
   * @throws store.*
   */
  endRevoked(): Promise<void>;
  /** Takes no further calls, lets open ones end within a time, and cuts the rest. */
  stop(graceMs: number): Promise<void>;
}

/** An abusive connection counts as so many failed attempts: each cost central hundreds of calls, and another one is quickly dialled. */
const ABUSE_COUNTS = 20;
/** What comes in one read may be more than nghttp2 bears, which ends the connection before ours is said. */
const ABUSIVE_ENDS: ReadonlySet<string> = new Set(["carry.abusive", "carry.not_http"]);

/** What the carrier knows of a connection. */
interface Served {
  /** Resolves when `live` is there; rejects with the refusal. */
  ready: Promise<ReceiverLink>;
  live: LiveReceiverLink | undefined;
}

/**
 * Makes the receiver.
 *
 * @param deps who may, what backends there are, tables, log and clock
 */
export function createReceiverService(deps: ReceiverServiceDeps): ReceiverService {
  const noting = { ...deps, broken: createLogAllowance(BROKEN_LOG_LINES, deps.now) };
  const carrier = createCarrier<Served>({
    judge: judgeOf(deps),
    onCall: (record, served) => noteCall(noting, record, served),
    now: performance.now.bind(performance),
  });
  return {
    serve: (arrived) => {
      const identified = identifyLink(deps, arrived);
      void carry(deps, carrier, arrived.stream, identified);
    },
    serveEdge: (caller, { socket, head }) => {
      if (head.length > 0) socket.unshift(head);
      const link = linkOfAgent(caller, "edge");
      return carry(deps, carrier, socket, Promise.resolve({ link, caller }));
    },
    judgeAgain: () => judgeLinks(deps, deps.table.all()),
    endExpired: () => {
      const nowMs = deps.now();
      judgeLinks(
        deps,
        deps.table.all().filter((live) => mayHaveEnded(live, nowMs)),
      );
    },
    endRevoked: () =>
      deps.programs.look(deps.table.all(), (live, reason) => endLink(deps, live, reason)),
    stop: async (graceMs) => {
      await carrier.stop(graceMs);
      await deps.upstreams.stop(graceMs);
    },
  };
}

function judgeLinks(deps: ReceiverServiceDeps, links: readonly LiveReceiverLink[]): void {
  const { book, doors, policyOf, isKeyLive, now } = deps;
  const facts = { book, accepted: doors, policyOf, isKeyLive, nowMs: now() };
  for (const live of links) {
    const reason = judgeStanding(facts, live);
    if (reason !== undefined) endLink(deps, live, reason);
  }
}

function endLink(
  { log }: Pick<ReceiverServiceDeps, "log">,
  { id: link, remoteAddress: from, carried }: LiveReceiverLink,
  reason: TautlineError,
): void {
  log.info({ link, from, code: reason.code, remedy: reason.remedy }, reason.message);
  carried.end(reason);
}

async function carry(
  deps: ReceiverServiceDeps,
  carrier: Carrier<Served>,
  stream: Duplex,
  identified: Promise<IdentifiedLink>,
): Promise<void> {
  const served: Served = { live: undefined, ready: identified.then((found) => begin(found)) };
  // Told with each call; a refusal that nobody waits for yet is no accident.
  served.ready.catch(() => {});
  const carried = carrier.serve(stream, served);
  const why = await carried.closed;
  const { live } = served;
  if (live === undefined) return;
  deps.table.remove(live);
  if (live.identity.kind === "nobody" && ABUSIVE_ENDS.has(why?.code ?? "")) {
    for (let count = 0; count < ABUSE_COUNTS; count += 1) deps.sources.failed(live.remoteAddress);
  }
  const observed = observedOf(live);
  if (observed !== undefined) deps.history.closed(observed, live.heardMs);
  const ended = { link: live.id, from: live.remoteAddress, calls: carried.counts.calls };
  deps.log.debug({ ...ended, code: why?.code }, "a receiver's link has ended");

  /** Runs before any call is judged: who is to be ended has to be in the table first. */
  function begin({ link, caller }: IdentifiedLink): ReceiverLink {
    if (stream.destroyed) return link;
    const end = (reason: TautlineError): void => carried.end(reason);
    if (caller !== undefined) deps.connections.giveVoice(caller, { agentId: () => undefined, end });
    served.live = liveLink(link, carried, deps.now());
    deps.table.add(served.live);
    if (link.identity.kind === "program") deps.programs.noteArrival();
    const seen = observedOf(link);
    if (seen !== undefined) deps.history.opened(seen);
    return link;
  }
}

function liveLink(link: ReceiverLink, carried: CarriedConnection, nowMs: number): LiveReceiverLink {
  const unsaid = { userAgent: null, version: null, claimed: new Set<string>() };
  const began = { id: randomUUID(), sinceMs: nowMs, heardMs: nowMs };
  return { ...link, ...began, carried, ...unsaid, uses: new Map(), up: 0, down: 0 };
}

/** The history is of agents; what others negotiated is in the list of links while they are there. */
function observedOf({ identity, evidence, remoteAddress }: ReceiverLink) {
  if (identity.kind !== "agent") return undefined;
  return { agentId: identity.id, evidence, remoteAddress, kind: "receiver" } as const;
}

/** A caller that goes or cancels is its own affair, and may do it as often as it likes. */
const BY_CALLER: ReadonlySet<string> = new Set(["carry.cancelled", "carry.caller_lost"]);
/** Lines a minute for all calls together that did not end in order. */
const BROKEN_LOG_LINES = 60;

interface NotingDeps extends Pick<ReceiverServiceDeps, "book" | "metrics" | "log" | "now"> {
  readonly broken: LogAllowance;
}

function noteCall(
  { book, metrics, log, now, broken }: NotingDeps,
  record: CallRecord,
  { live }: Served,
): void {
  const outcome = outcomeOf(record);
  const backend = nameOfBackend(book, record);
  metrics.receiverCalls.inc({ backend, outcome });
  metrics.receiverBytes.inc({ direction: "up" }, record.requestBytes);
  metrics.receiverBytes.inc({ direction: "down" }, record.responseBytes);
  if (live !== undefined) {
    live.heardMs = now();
    live.up += record.requestBytes;
    live.down += record.responseBytes;
  }
  const { place, grpcStatus, httpStatus, durationMs, failure } = record;
  const ms = Math.round(durationMs);
  const facts = { backend, place, outcome, grpcStatus, httpStatus, ms, code: failure?.code };
  if (outcome !== "broken" || BY_CALLER.has(failure?.code ?? "")) {
    return log.debug(facts, "a call has ended");
  }
  const unlogged = broken.take();
  const told = { ...facts, unlogged, remedy: failure?.remedy };
  if (unlogged !== undefined) log.info(told, failure?.message);
}

/** As it would be taken now; what nobody takes counts to no backend, so that a caller cannot make up series. */
function nameOfBackend(
  book: ReceiverServiceDeps["book"],
  { path, isGrpc }: { readonly path: string; readonly isGrpc: boolean },
): string {
  try {
    return backendFor(book.backends(), { path, protocol: isGrpc ? "grpc" : "http" }).name;
  } catch {
    return "none";
  }
}
