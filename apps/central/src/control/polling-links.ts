import { randomUUID } from "node:crypto";
import {
  encodeServerToAgent,
  type LinkEvidence,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import { MISSED_HEARTBEATS, SHORTEST_SILENCE_MS } from "../fleet/life-rule.ts";
import type { CentralMetrics } from "../metrics.ts";
import { errorAnswer } from "./answer.ts";
import type { AgentCaller, Caller } from "./caller.ts";
import type { LiveLink, LiveLinks } from "./live-links.ts";
import { errorForPeer } from "./peer-error.ts";
import type { Refusals } from "./refusals.ts";
import type { Session } from "./session.ts";

/** An answer as HTTP carries it. */
export interface PollAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Agents that ask instead of keeping a link open (OpAMP over plain HTTP). */
export interface PollingLinks {
  /**
   * Takes one request's message.
   *
   * @param caller who asks
   * @param read reads one AgentToServer from the request; called when it is this caller's turn
   * @throws opamp.one_at_a_time while an earlier request of the same agent is being answered
   */
  take(caller: Caller, read: () => Promise<Uint8Array>): Promise<PollAnswer>;
  /** Forgets agents that have not asked for longer than their heartbeat allows. */
  forgetSilent(): Promise<void>;
}

/** What polling needs. */
export interface PollingDeps {
  readonly live: LiveLinks;
  readonly refusals: Refusals;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
  readonly beginSession: (caller: Caller) => Session;
  /** How often agents of a namespace are to say that they are alive, in milliseconds. */
  readonly heartbeatOf: (namespace: string) => Promise<number>;
}

interface Polling {
  readonly link: LiveLink;
  readonly session: Session;
  lastMs: number;
}

/**
 * Makes the empty table of polling agents.
 *
 * @param deps central's parts
 */
export function createPollingLinks(deps: PollingDeps): PollingLinks {
  const byAgent = new Map<string, Polling>();
  const busy = new Set<string>();
  return {
    take: async (caller, read) => {
      if (caller.kind !== "agent") return answer(deps, caller, deps.beginSession(caller), read);
      const { id } = caller.agent;
      // What an agent may make central hold in memory at once does not grow with its connections.
      if (busy.has(id)) throw new TautlineError("opamp.one_at_a_time");
      busy.add(id);
      try {
        return await answerAgent(deps, byAgent, caller, read);
      } finally {
        busy.delete(id);
      }
    },
    forgetSilent: async () => {
      for (const [agentId, { link, lastMs }] of byAgent) {
        if (busy.has(agentId) || deps.now() - lastMs <= SHORTEST_SILENCE_MS) continue;
        const mayBeSilentMs = MISSED_HEARTBEATS * (await deps.heartbeatOf(link.namespace));
        if (deps.now() - lastMs > mayBeSilentMs) await drop(deps, byAgent, link);
      }
    },
  };
}

interface Reply extends PollAnswer {
  /** The message was taken, not refused. */
  readonly taken: boolean;
}

async function answer(
  { metrics, refusals }: PollingDeps,
  caller: Caller,
  session: Session,
  read: () => Promise<Uint8Array>,
): Promise<Reply> {
  try {
    const bytes = await read();
    metrics.messages.inc({ transport: "polling" });
    const body = encodeServerToAgent(await session.receive(bytes));
    return { status: 200, body, taken: true };
  } catch (thrown) {
    const error = toTautlineError(thrown);
    if (isOfTransport(error)) throw error;
    await refusals.note(error, { ...caller, agentId: session.agentId });
    // OpAMP's own answer says what is wrong; only what stops a client from repeating itself is told by HTTP as well.
    const status = error.code === "opamp.too_large" ? error.status : 200;
    const body = encodeServerToAgent(errorAnswer(errorForPeer(error), session.agentId));
    return { status, body, taken: false };
  }
}

/** What has nothing to do with OpAMP is told by HTTP alone. */
function isOfTransport({ code }: TautlineError): boolean {
  return code === "link.broken" || code === "api.unsupported_media";
}

async function answerAgent(
  deps: PollingDeps,
  byAgent: Map<string, Polling>,
  caller: AgentCaller,
  read: () => Promise<Uint8Array>,
): Promise<PollAnswer> {
  const polling = pollingOf(deps, byAgent, caller);
  polling.link.clockOffsetMs = caller.clockOffsetMs;
  polling.link.offer = caller.offer;
  const { link, session } = polling;
  const reply = await answer(deps, caller, session, read);
  polling.lastMs = deps.now();
  if (session.isEnded()) {
    await drop(deps, byAgent, link);
  } else if (reply.taken) {
    await deps.live.list(link);
    deps.live.noteMessage(link);
  }
  return reply;
}

/** The session is the agent's own; the link is a new one where a connection negotiated something else. */
function pollingOf(deps: PollingDeps, byAgent: Map<string, Polling>, caller: AgentCaller): Polling {
  const { agent, evidence, remoteAddress } = caller;
  const known = byAgent.get(agent.id);
  if (known !== undefined && isSameProof(known.link.evidence, evidence)) return known;
  if (known !== undefined) void drop(deps, byAgent, known.link);
  const link: LiveLink = {
    id: randomUUID(),
    agentId: agent.id,
    namespace: agent.namespace,
    transport: "polling",
    remoteAddress,
    evidence,
    push: async () => {},
    end: () => void drop(deps, byAgent, link),
  };
  // Another certificate is another identity to be proven, so another session.
  const isSameIdentity = known?.link.evidence.peerSerial === evidence.peerSerial;
  const session = known !== undefined && isSameIdentity ? known.session : deps.beginSession(caller);
  const polling = { link, session, lastMs: deps.now() };
  byAgent.set(agent.id, polling);
  deps.live.open(link);
  return polling;
}

function isSameProof(one: LinkEvidence, other: LinkEvidence): boolean {
  return (
    one.peerSerial === other.peerSerial &&
    one.protocol === other.protocol &&
    one.cipher === other.cipher &&
    one.group === other.group
  );
}

/** Never rejects. */
async function drop(
  { live }: PollingDeps,
  byAgent: Map<string, Polling>,
  link: LiveLink,
): Promise<void> {
  if (byAgent.get(link.agentId)?.link === link) byAgent.delete(link.agentId);
  await live.close(link);
}
