import { randomUUID } from "node:crypto";
import {
  createJoint,
  type ForwardChannel,
  type ForwardOpening,
  type StreamEnd,
} from "@tautline/link";
import { type ErrorCode, TautlineError, toTautlineError } from "@tautline/protocol";
import type { ForwardAllowance } from "../forwards/allowance.ts";
import type { ForwardAsker } from "../forwards/forward-book.ts";
import { noteEnd, type ServeStreamDeps } from "../forwards/serve-stream.ts";
import { requireOpener } from "../forwards/service-rule.ts";
import type { LiveStream, StreamTable } from "../forwards/stream-table.ts";
import type { ForwardBook } from "../forwards/forward-book.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { actorOf, type Principal } from "../operators/principal.ts";
import type { ReverseLink, ReverseLinks } from "./reverse-links.ts";

/** What opening a service needs. */
export interface OpenServiceDeps extends Pick<ServeStreamDeps, "metrics" | "use" | "log" | "now"> {
  readonly book: Pick<ForwardBook, "serviceFor">;
  readonly streams: StreamTable;
  readonly links: Pick<ReverseLinks, "take" | "giveBack">;
  readonly audit: Pick<AuditLog, "record">;
}

/** Who opens which service of whom, and from where. */
export interface ServiceCall {
  readonly who: Principal;
  readonly agent: ForwardAsker;
  readonly service: string;
  /** Address of the operator, without a port; "local" over the admin socket. */
  readonly from: string;
}

/** For the agent's answer: it connects to a program of its own network. */
const OPEN_MS = 15_000;
/** Links that may prove dead only when they are asked; after so many it is no accident. */
const MOST_TRIES = 3;
/** The link went away, and no stream was opened: another one may do. */
const LINK_GONE: ReadonlySet<ErrorCode> = new Set([
  "forward.closed",
  "forward.cut",
  "forward.silent",
]);

/**
 * Judges by what is allowed now, with nothing opened yet.
 *
 * @param book of allowances
 * @param call who, and what
 * @throws forward.service_not_allowed, api.forbidden
 */
export function judgeCall(
  book: Pick<ForwardBook, "serviceFor">,
  { who, agent, service }: Pick<ServiceCall, "who" | "agent" | "service">,
): ForwardAllowance {
  const allowance = book.serviceFor(agent, service);
  requireOpener(who, allowance);
  return allowance;
}

/**
 * Answers an operator's request for a stream: judged, written into the trail, opened at the agent, carried to its end, counted.
 * Never rejects.
 *
 * @param deps allowances, links, tables, trail and clock
 * @param call who, and what
 * @param channel to the operator, at its accepter's end
 * @param opening the request
 */
export async function openService(
  deps: OpenServiceDeps,
  call: ServiceCall,
  channel: ForwardChannel,
  opening: ForwardOpening,
): Promise<void> {
  const ending = new AbortController();
  const signal = AbortSignal.any([opening.signal, ending.signal]);
  let stream: LiveStream | undefined;
  try {
    const allowance = judgeRequest(deps, call, opening);
    const taken = await takeLink(deps, call, signal, (link) => {
      // It may have been denied while there was no link.
      judgeCall(deps.book, call);
      stream = begin(deps, call, allowance, { link, ending });
      return stream;
    });
    opening.accept();
    const ends = await join(deps, taken, { channel, allowance, ending });
    deps.links.giveBack(taken.link);
    noteEnd(deps, taken.stream, ends);
  } catch (thrown) {
    const error = toTautlineError(thrown);
    deps.metrics.forwardStreams.inc({ outcome: "refused" });
    opening.refuse(error);
    const { who, agent, service } = call;
    const about = { code: error.code, operator: who.name, agent: agent.id, service };
    deps.log.warn({ ...about, remedy: error.remedy }, error.message);
  } finally {
    if (stream !== undefined) deps.streams.remove(stream);
  }
}

function judgeRequest(
  { book }: OpenServiceDeps,
  call: ServiceCall,
  { request }: ForwardOpening,
): ForwardAllowance {
  if (request.forward !== call.service) {
    const reason = "it asks for another service than its address names";
    throw new TautlineError("forward.malformed", { detail: { reason } });
  }
  return judgeCall(book, call);
}

interface Taken {
  readonly link: ReverseLink;
  readonly stream: LiveStream;
}

/** The entry is durable before the agent is asked; of links that turn out to be dead it tells once. */
async function takeLink(
  { links, audit, streams }: OpenServiceDeps,
  { who, agent, service, from }: ServiceCall,
  signal: AbortSignal,
  describe: (link: ReverseLink) => LiveStream,
): Promise<Taken> {
  for (let tries = 1; ; tries += 1) {
    const link = await links.take(agent.id, signal);
    let stream: LiveStream | undefined;
    try {
      stream = describe(link);
      if (tries === 1) {
        const { level } = stream.evidence;
        await audit.record({
          action: "forward.opened",
          actor: actorOf(who),
          subject: `forward:${service}`,
          detail: { agentId: agent.id, namespace: agent.namespace, from, level },
        });
      }
      const request = { forward: service, operator: who.name };
      await link.channel.open(request, { timeoutMs: OPEN_MS, signal });
      return { link, stream };
    } catch (thrown) {
      if (stream !== undefined) streams.remove(stream);
      links.giveBack(link);
      const { code } = toTautlineError(thrown);
      if (tries >= MOST_TRIES || signal.aborted || !LINK_GONE.has(code)) throw thrown;
    }
  }
}

/** In the table from before the agent is asked: what ends it then ends it there too. */
function begin(
  { streams, now }: OpenServiceDeps,
  { who, agent, service }: ServiceCall,
  { maxStreams }: ForwardAllowance,
  { link, ending }: { readonly link: ReverseLink; readonly ending: AbortController },
): LiveStream {
  if (streams.count(agent.id, service, "in") >= maxStreams) {
    const detail = { what: `streams to its service '${service}'`, limit: maxStreams };
    throw new TautlineError("forward.too_many", { detail });
  }
  const sinceMs = now();
  const stream: LiveStream = {
    id: randomUUID(),
    agentId: agent.id,
    namespace: agent.namespace,
    forward: service,
    operator: who,
    wanted: null,
    target: null,
    remoteAddress: link.caller.remoteAddress,
    evidence: link.caller.evidence,
    sinceMs,
    heardMs: sinceMs,
    up: 0,
    down: 0,
    end: (reason) => ending.abort(reason),
  };
  streams.add(stream);
  return stream;
}

/** Whatever breaks at one end is the reason at the other. */
async function join(
  { now }: OpenServiceDeps,
  { link, stream }: Taken,
  {
    channel,
    allowance,
    ending,
  }: {
    readonly channel: ForwardChannel;
    readonly allowance: ForwardAllowance;
    readonly ending: AbortController;
  },
): Promise<StreamEnd> {
  const [near, far] = createJoint();
  const ended = (end: StreamEnd): StreamEnd => {
    if (end.error !== undefined) ending.abort(end.error);
    return end;
  };
  const { signal } = ending;
  const [atAgent, atOperator] = await Promise.all([
    link.channel
      .carry(far, {
        idleTimeoutMs: allowance.idleMs,
        totalTimeoutMs: allowance.totalMs,
        signal,
        onBytes: (down, up) => {
          stream.heardMs = now();
          stream.down += down;
          stream.up += up;
        },
      })
      .then(ended),
    channel.carry(near, { signal }).then(ended),
  ]);
  return atAgent.error === undefined ? atOperator : atAgent;
}
