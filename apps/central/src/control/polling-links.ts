import { randomUUID } from "node:crypto";
import {
  decodeAgentToServer,
  encodeServerToAgent,
  isTautlineError,
  LIMITS,
  type LinkEvidence,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import { namespaceOfClaim } from "../fleet/claim-rule.ts";
import { MISSED_HEARTBEATS, SHORTEST_SILENCE_MS } from "../fleet/life-rule.ts";
import type { CentralMetrics } from "../metrics.ts";
import { errorAnswer } from "./answer.ts";
import type { AgentCaller, Caller, ClaimCaller } from "./caller.ts";
import type { LiveLink, LiveLinks } from "./live-links.ts";
import { claimedSender } from "./message-sender.ts";
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
  // Apart: who only claims an id is never in the way of the agent that proves it.
  const tables = { agent: newTable(), claim: newTable() };
  return {
    take: async (caller, read) => {
      if (caller.kind === "agent") {
        const { id, namespace } = caller.agent;
        return inTurn(tables.agent, id, () =>
          answerAgent(deps, tables.agent.byAgent, { caller, id, namespace }, read),
        );
      }
      if (caller.kind !== "claim") return answer(deps, caller, deps.beginSession(caller), read);
      const reading = read();
      // What cannot be read names nobody, and is refused like any other message: said, counted, logged.
      const id = await reading.then(claimedIdIn, () => undefined);
      if (id === undefined) {
        return answer(deps, caller, deps.beginSession(caller), () => reading);
      }
      const bytes = await reading;
      return inTurn(tables.claim, id, () =>
        answerClaim(deps, tables.claim.byAgent, { caller, id }, bytes),
      );
    },
    forgetSilent: async () => {
      for (const { byAgent, busy } of [tables.agent, tables.claim]) {
        for (const [agentId, { link, lastMs }] of byAgent) {
          if (busy.has(agentId) || deps.now() - lastMs <= SHORTEST_SILENCE_MS) continue;
          const mayBeSilentMs = MISSED_HEARTBEATS * (await deps.heartbeatOf(link.namespace));
          if (deps.now() - lastMs > mayBeSilentMs) await drop(deps, byAgent, link);
        }
      }
    },
  };
}

interface PollingTable {
  readonly byAgent: Map<string, Polling>;
  readonly busy: Set<string>;
}

function newTable(): PollingTable {
  return { byAgent: new Map(), busy: new Set() };
}

/** What an agent may make central hold in memory at once does not grow with its connections. */
async function inTurn<Result>(
  { busy }: PollingTable,
  id: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (busy.has(id)) throw new TautlineError("opamp.one_at_a_time");
  busy.add(id);
  try {
    return await work();
  } finally {
    busy.delete(id);
  }
}

/** Undefined for bytes that are no message; the session says what is wrong with them. */
function claimedIdIn(bytes: Uint8Array): string | undefined {
  try {
    return claimedSender(decodeAgentToServer(bytes, LIMITS.opampUnprovenMessageBytes.value));
  } catch (error) {
    if (isTautlineError(error)) return undefined;
    throw error;
  }
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

/** Whose polling it is, and who it is there. */
interface Poller {
  readonly caller: AgentCaller | ClaimCaller;
  readonly id: string;
  readonly namespace: string;
}

async function answerAgent(
  deps: PollingDeps,
  byAgent: Map<string, Polling>,
  poller: Poller & { readonly caller: AgentCaller },
  read: () => Promise<Uint8Array>,
): Promise<PollAnswer> {
  const { caller } = poller;
  const polling = pollingOf(deps, byAgent, poller);
  polling.link.clockOffsetMs = caller.clockOffsetMs;
  polling.link.offer = caller.offer;
  const reply = await answer(deps, caller, polling.session, read);
  await noteReply(deps, byAgent, polling, reply);
  return reply;
}

/** A claim becomes a link only when it was taken. */
async function answerClaim(
  deps: PollingDeps,
  byAgent: Map<string, Polling>,
  { caller, id }: { readonly caller: ClaimCaller; readonly id: string },
  bytes: Uint8Array,
): Promise<PollAnswer> {
  const namespace = namespaceOfClaim(caller.key);
  const known = byAgent.get(id);
  // Who may have no link is judged by a session of its own, whatever the one before was let in for.
  const mayLink = caller.refusal === undefined;
  const isSame = known !== undefined && isSameProof(known.link.evidence, caller.evidence);
  const session = isSame && mayLink ? known.session : deps.beginSession(caller);
  const reply = await answer(deps, caller, session, async () => bytes);
  if (!reply.taken || session.isLink === false) return reply;
  const polling = pollingOf(deps, byAgent, { caller, id, namespace }, session);
  polling.link.offer = caller.offer;
  await noteReply(deps, byAgent, polling, reply);
  return reply;
}

async function noteReply(
  deps: PollingDeps,
  byAgent: Map<string, Polling>,
  polling: Polling,
  reply: Reply,
): Promise<void> {
  const { link, session } = polling;
  polling.lastMs = deps.now();
  if (session.isEnded()) {
    await drop(deps, byAgent, link);
  } else if (reply.taken) {
    await deps.live.list(link);
    deps.live.noteMessage(link);
  }
}

/** The session is the agent's own; the link is a new one where a connection negotiated something else. */
function pollingOf(
  deps: PollingDeps,
  byAgent: Map<string, Polling>,
  { caller, id: agentId, namespace }: Poller,
  begun?: Session,
): Polling {
  const { evidence, remoteAddress } = caller;
  const known = byAgent.get(agentId);
  if (known !== undefined && isSameProof(known.link.evidence, evidence)) return known;
  if (known !== undefined) void drop(deps, byAgent, known.link);
  const link: LiveLink = {
    id: randomUUID(),
    agentId,
    namespace,
    transport: "polling",
    remoteAddress,
    evidence,
    isClaim: caller.kind === "claim",
    push: async () => {},
    end: () => void drop(deps, byAgent, link),
  };
  // Another certificate is another identity to be proven, so another session.
  const isSameIdentity = known?.link.evidence.peerSerial === evidence.peerSerial;
  const kept = known !== undefined && isSameIdentity ? known.session : undefined;
  const session = begun ?? kept ?? deps.beginSession(caller);
  const polling = { link, session, lastMs: deps.now() };
  byAgent.set(agentId, polling);
  deps.live.open(link);
  return polling;
}

function isSameProof(one: LinkEvidence, other: LinkEvidence): boolean {
  return (
    one.level === other.level &&
    one.keyId === other.keyId &&
    one.clientProven === other.clientProven &&
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
