import { randomUUID } from "node:crypto";
import type { Logger } from "@tautline/daemon";
import {
  decodeFrame,
  encodeFrame,
  encodeServerToAgent,
  LIMITS,
  type ServerToAgent,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { WebSocket } from "ws";
import { namespaceOfClaim } from "../fleet/claim-rule.ts";
import type { CentralMetrics } from "../metrics.ts";
import { errorAnswer } from "./answer.ts";
import type { Caller } from "./caller.ts";
import { keepAlive } from "./keep-alive.ts";
import type { LiveLink, LiveLinks } from "./live-links.ts";
import type { OpenConnections } from "./open-connections.ts";
import { errorForPeer } from "./peer-error.ts";
import type { Refusals } from "./refusals.ts";
import type { Session } from "./session.ts";

const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
/** A caller that sends one broken message may be told so; one that goes on is not worth the work. */
export const MAX_BAD_MESSAGES = 5;
/** Messages of one link in memory at which central reads no further. */
const PAUSE_AT = 2;
const PING_MS = 30_000;
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_POLICY = 1008;
const CLOSE_TOO_BIG = 1009;
/** ws closes by itself, with 1009, a link whose message is longer than it takes. */
const OVERSIZE = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";

/** What a WebSocket link needs. */
export interface WebSocketLinkDeps {
  readonly connections: Pick<OpenConnections, "giveVoice">;
  readonly live: LiveLinks;
  readonly refusals: Refusals;
  readonly metrics: CentralMetrics;
  readonly log: Logger;
}

/** One WebSocket link and what became of it. */
interface WebSocketLink {
  readonly caller: Caller;
  readonly session: Session;
  readonly socket: WebSocket;
  badMessages: number;
  /** What stands for it among the live links: of an agent from the beginning, of a claim once its first message was taken. */
  live: LiveLink | undefined;
  /** It stands in the list of links. */
  isListed: boolean;
  /** What was sent last: most answers of a session are the same object. */
  sent: { readonly message: ServerToAgent; readonly frame: Uint8Array } | undefined;
  /** Central closes it: what still comes is not looked at. */
  isOver: boolean;
}

/**
 * Runs a session over an upgraded WebSocket until either end closes it: one message at a time, answers in order.
 *
 * @param deps central's parts
 * @param link who is at the other end, what the messages mean, and the open WebSocket
 * @returns resolves when the link is closed and nothing of it is under way; never rejects
 */
export function runWebSocketLink(
  deps: WebSocketLinkDeps,
  { caller, session, socket }: Pick<WebSocketLink, "caller" | "session" | "socket">,
): Promise<void> {
  const link: WebSocketLink = {
    caller,
    session,
    socket,
    badMessages: 0,
    live: undefined,
    isListed: false,
    sent: undefined,
    isOver: false,
  };
  // A joining caller is no agent yet, and its link is none.
  if (caller.kind === "agent") openLive(deps, link, caller.agent);
  deps.connections.giveVoice(caller, {
    agentId: () => (session.isRecorded === false ? undefined : session.agentId),
    end: (reason) => end(link, reason),
  });
  const stopPing = keepAlive(socket, PING_MS);
  const enqueue = createQueue((error) => {
    deps.log.error({ err: error, from: caller.remoteAddress }, "a link failed inside central");
    socket.terminate();
  });
  let waiting = 0;
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    // Read no further while one waits for another: a fast sender waits instead of filling memory. Who waits for each answer,
    // as agents do, never comes here: stopping and starting to read are system calls.
    waiting += 1;
    if (waiting === PAUSE_AT) socket.pause();
    void enqueue(async () => {
      await takeMessage(deps, link, { data, isBinary });
      waiting -= 1;
      if (waiting === 0 && socket.isPaused) socket.resume();
    });
  });
  socket.on("error", (error) => void noteFailure(deps, link, error));
  return new Promise((resolve) => {
    socket.on("close", () => {
      stopPing();
      // What the agent sent before it closed is still worked on.
      void enqueue(async () => {
        if (link.live !== undefined) await deps.live.close(link.live);
        resolve();
      });
    });
  });
}

/**
 * Runs works one after the other. None of them rejects; should one do so all the same, that ends its link and not the process.
 */
function createQueue(
  onFailure: (error: unknown) => void,
): (work: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve();
  return (work) => (last = workAfter(last, work).catch(onFailure));
}

async function workAfter(before: Promise<void>, work: () => Promise<void>): Promise<void> {
  await before;
  await work();
}

interface Incoming {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** Never rejects. */
async function takeMessage(
  deps: WebSocketLinkDeps,
  link: WebSocketLink,
  incoming: Incoming,
): Promise<void> {
  if (link.isOver) return;
  const { session, socket } = link;
  deps.metrics.messages.inc({ transport: "websocket" });
  try {
    const answer = await session.receive(messageOf(incoming));
    const live = link.live ?? claimedLive(deps, link);
    if (live !== undefined) {
      if (!link.isListed && socket.readyState === socket.OPEN) {
        await deps.live.list(live);
        link.isListed = true;
      }
      deps.live.noteMessage(live);
    }
    send(link, answer);
    if (session.isEnded()) await sayGoodbye(deps, link);
  } catch (thrown) {
    await refuse(deps, link, toTautlineError(thrown));
  }
}

/** Whoever said good-bye itself is only closed; whoever was told where to go is told as well that there is nothing else here. */
async function sayGoodbye({ refusals }: WebSocketLinkDeps, link: WebSocketLink): Promise<void> {
  const { caller, session } = link;
  const farewell = session.farewell?.();
  if (farewell === undefined) return close(link, CLOSE_NORMAL, "agent disconnected");
  await refusals.note(farewell, { ...caller, agentId: session.agentId });
  end(link, farewell);
}

function messageOf({ data, isBinary }: Incoming): Uint8Array {
  if (isBinary) return decodeFrame(data, LIMITS.opampMessageBytes.value);
  throw new TautlineError("opamp.malformed", { detail: { reason: "it is text, not binary" } });
}

async function refuse(
  { refusals }: WebSocketLinkDeps,
  link: WebSocketLink,
  error: TautlineError,
): Promise<void> {
  const { caller, session } = link;
  link.badMessages += 1;
  await refusals.note(error, { ...caller, agentId: session.agentId });
  send(link, errorAnswer(errorForPeer(error), session.agentId));
  const status = closeStatusOf(error, link);
  if (status !== undefined) close(link, status, error.code);
}

/** What ends a link for good; other mistakes may be made up for. */
function closeStatusOf({ code }: TautlineError, link: WebSocketLink): number | undefined {
  if (code === "opamp.too_large") return CLOSE_TOO_BIG;
  const { kind } = link.caller;
  // Foreign agents ask for what they could have elsewhere; they are told, and stay to be seen.
  if (code === "admission.identity_required" && link.badMessages < MAX_BAD_MESSAGES)
    return undefined;
  const isOver =
    (kind !== "agent" && kind !== "claim") ||
    code === "enrolment.clone_suspected" ||
    link.badMessages >= MAX_BAD_MESSAGES ||
    code === "opamp.not_your_id" ||
    code.startsWith("admission.") ||
    code.startsWith("policy.");
  return isOver ? CLOSE_POLICY : undefined;
}

async function noteFailure(
  { refusals, log }: WebSocketLinkDeps,
  { caller, session }: WebSocketLink,
  error: Error & { readonly code?: string },
): Promise<void> {
  if (error.code === OVERSIZE) {
    const limit = LIMITS.opampMessageBytes.value;
    const refusal = new TautlineError("opamp.too_large", {
      cause: error,
      detail: { size: `over ${limit}`, limit },
    });
    await refusals.note(refusal, { ...caller, agentId: session.agentId });
  } else {
    log.debug({ err: error, from: caller.remoteAddress }, "a WebSocket failed");
  }
}

/** Whose link it is that came with a claim is known when its first message was taken. */
function claimedLive(
  deps: Pick<WebSocketLinkDeps, "live">,
  link: WebSocketLink,
): LiveLink | undefined {
  const { caller, session } = link;
  const { agentId: id } = session;
  if (caller.kind !== "claim" || id === undefined || session.isLink === false) return undefined;
  return openLive(deps, link, { id, namespace: namespaceOfClaim(caller.key) });
}

function openLive(
  { live }: Pick<WebSocketLinkDeps, "live">,
  link: WebSocketLink,
  agent: { readonly id: string; readonly namespace: string },
): LiveLink {
  const { caller } = link;
  const { evidence, remoteAddress } = caller;
  link.live = {
    id: randomUUID(),
    agentId: agent.id,
    namespace: agent.namespace,
    transport: "websocket",
    remoteAddress,
    evidence,
    isClaim: caller.kind === "claim",
    clockOffsetMs: caller.kind === "agent" ? caller.clockOffsetMs : undefined,
    offer: caller.kind === "agent" || caller.kind === "claim" ? caller.offer : undefined,
    push: async () => {
      const message = await link.session.push();
      if (message !== undefined) send(link, message);
    },
    end: (reason) => end(link, reason),
  };
  live.open(link.live);
  return link.live;
}

function end(link: WebSocketLink, reason: TautlineError): void {
  send(link, errorAnswer(reason, link.session.agentId));
  close(link, reason.status >= 500 ? CLOSE_GOING_AWAY : CLOSE_POLICY, reason.code);
}

function close(link: WebSocketLink, status: number, reason: string): void {
  link.isOver = true;
  link.socket.close(status, reason);
}

function send(link: WebSocketLink, message: ServerToAgent): void {
  const { socket } = link;
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > MAX_UNSENT_BYTES) socket.terminate();
  else socket.send(frameOf(link, message));
}

function frameOf(link: WebSocketLink, message: ServerToAgent): Uint8Array {
  if (link.sent?.message !== message) {
    link.sent = { message, frame: encodeFrame(encodeServerToAgent(message)) };
  }
  return link.sent.frame;
}
