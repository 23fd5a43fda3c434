import { isDeepStrictEqual } from "node:util";
import {
  encodeServerToAgent,
  type LinkEvidence,
  type TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { CentralMetrics } from "../metrics.ts";
import { errorAnswer } from "./answer.ts";
import type { AgentCaller, Caller } from "./caller.ts";
import type { LiveLink, LiveLinks } from "./live-links.ts";
import type { Refusals } from "./refusals.ts";
import type { Session } from "./session.ts";

/** Agents that ask instead of keeping a link open (OpAMP over plain HTTP). */
export interface PollingLinks {
  /**
   * Takes one request's message.
   *
   * @param caller who asks
   * @param bytes one AgentToServer
   * @returns the answer's bytes and HTTP status
   */
  take(caller: Caller, bytes: Uint8Array): Promise<{ status: number; body: Uint8Array }>;
  /** Forgets agents that have not asked since; milliseconds since the epoch. */
  forgetSilent(beforeMs: number): Promise<void>;
}

export interface PollingDeps {
  readonly live: LiveLinks;
  readonly refusals: Refusals;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
  readonly beginSession: (caller: Caller) => Session;
}

interface Polling {
  readonly link: LiveLink;
  readonly session: Session;
  listed: boolean;
  lastMs: number;
}

/** Makes the table of polling agents. */
export function createPollingLinks(deps: PollingDeps): PollingLinks {
  const byAgent = new Map<string, Polling>();
  return {
    take: async (caller, bytes) => {
      deps.metrics.messages.inc({ transport: "polling" });
      if (caller.kind === "token") return answer(deps, caller, deps.beginSession(caller), bytes);
      const polling = pollingOf(deps, byAgent, caller);
      const reply = await answer(deps, caller, polling.session, bytes);
      await noteReply(deps, byAgent, polling, reply.status);
      return reply;
    },
    forgetSilent: async (beforeMs) => {
      for (const { link, lastMs } of byAgent.values()) {
        if (lastMs < beforeMs) await drop(deps, byAgent, link);
      }
    },
  };
}

async function answer(
  deps: PollingDeps,
  caller: Caller,
  session: Session,
  bytes: Uint8Array,
): Promise<{ status: number; body: Uint8Array }> {
  try {
    return { status: 200, body: encodeServerToAgent(await session.receive(bytes)) };
  } catch (thrown) {
    const error: TautlineError = toTautlineError(thrown);
    await deps.refusals.note(error, caller);
    const status = error.code === "opamp.too_large" ? error.status : 200;
    return { status, body: encodeServerToAgent(errorAnswer(error, session.agentId)) };
  }
}

function pollingOf(deps: PollingDeps, byAgent: Map<string, Polling>, caller: AgentCaller): Polling {
  const known = byAgent.get(caller.agent.id);
  // Every request may come over a connection of its own: what it negotiated is listed anew where it differs.
  if (known !== undefined && isSameEvidence(known.link.evidence, caller.evidence)) return known;
  const polling = {
    link: linkOf(deps, byAgent, caller),
    session: known?.session ?? deps.beginSession(caller),
    listed: false,
    lastMs: deps.now(),
  };
  byAgent.set(caller.agent.id, polling);
  return polling;
}

function isSameEvidence(known: LinkEvidence, shown: LinkEvidence): boolean {
  const { since: _before, ...before } = known;
  const { since: _after, ...after } = shown;
  return isDeepStrictEqual(before, after);
}

function linkOf(deps: PollingDeps, byAgent: Map<string, Polling>, caller: AgentCaller): LiveLink {
  const { agent, evidence, remoteAddress } = caller;
  const link: LiveLink = {
    id: `polling-${agent.id}`,
    agentId: agent.id,
    namespace: agent.namespace,
    transport: "polling",
    remoteAddress,
    evidence,
    push: async () => {},
    end: () => void drop(deps, byAgent, link).catch(() => {}),
  };
  return link;
}

async function noteReply(
  deps: PollingDeps,
  byAgent: Map<string, Polling>,
  polling: Polling,
  status: number,
): Promise<void> {
  polling.lastMs = deps.now();
  if (polling.session.isEnded()) {
    await drop(deps, byAgent, polling.link);
    return;
  }
  if (status !== 200) return;
  if (!polling.listed) {
    polling.listed = true;
    await deps.live.add(polling.link);
  }
  deps.live.noteMessage(polling.link);
}

async function drop(
  deps: PollingDeps,
  byAgent: Map<string, Polling>,
  link: LiveLink,
): Promise<void> {
  if (byAgent.get(link.agentId)?.link === link) byAgent.delete(link.agentId);
  await deps.live.remove(link.id);
}
