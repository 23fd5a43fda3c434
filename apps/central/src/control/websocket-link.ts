import { randomUUID } from "node:crypto";
import type { Logger } from "@tautline/daemon";
import {
  decodeFrame,
  encodeFrame,
  encodeServerToAgent,
  LIMITS,
  type ServerToAgent,
  type TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { WebSocket } from "ws";
import type { CentralMetrics } from "../metrics.ts";
import { errorAnswer } from "./answer.ts";
import type { Caller } from "./caller.ts";
import type { LiveLink, LiveLinks } from "./live-links.ts";
import type { Refusals } from "./refusals.ts";
import type { Session } from "./session.ts";

const MAX_UNSENT_BYTES = 8 * 1024 * 1024;
const MAX_BAD_MESSAGES = 5;
const PING_MS = 30_000;
const CLOSE_POLICY = 1008;
const CLOSE_TOO_BIG = 1009;
const CLOSE_GOING_AWAY = 1001;

export interface WebSocketLinkDeps {
  readonly live: LiveLinks;
  readonly refusals: Refusals;
  readonly metrics: CentralMetrics;
  readonly log: Logger;
}

/**
 * Runs a session over an upgraded WebSocket until either end closes it: one message at a time, answers in order.
 *
 * @param deps central's parts
 * @param caller who is at the other end
 * @param session what the messages mean
 * @param socket the open WebSocket
 */
export function runWebSocketLink(
  deps: WebSocketLinkDeps,
  caller: Caller,
  session: Session,
  socket: WebSocket,
): void {
  const link = caller.kind === "agent" ? liveLinkOf(caller, session, socket) : undefined;
  const state = { listed: false, bad: 0 };
  let turn = Promise.resolve();
  socket.on("message", (data: Buffer) => {
    // Read no further while this one is worked on: a fast sender waits instead of filling memory.
    socket.pause();
    turn = turn
      .then(() => takeMessage(deps, { caller, session, socket, link, state }, data))
      .finally(() => socket.resume());
  });
  socket.on("error", (error) =>
    deps.log.debug({ err: error, from: caller.remoteAddress }, "WebSocket failed"),
  );
  const stopPing = keepAlive(socket);
  socket.on("close", () => {
    stopPing();
    if (link !== undefined) void turn.then(() => deps.live.remove(link.id));
  });
}

interface Turn {
  readonly caller: Caller;
  readonly session: Session;
  readonly socket: WebSocket;
  readonly link: LiveLink | undefined;
  readonly state: { listed: boolean; bad: number };
}

async function takeMessage(deps: WebSocketLinkDeps, turn: Turn, data: Buffer): Promise<void> {
  const { session, socket, link, state, caller } = turn;
  deps.metrics.messages.inc({ transport: "websocket" });
  try {
    const answer = await session.receive(decodeFrame(data, LIMITS.opampMessageBytes.value));
    if (link !== undefined && !state.listed && socket.readyState === socket.OPEN) {
      state.listed = true;
      await deps.live.add(link);
    }
    if (link !== undefined) deps.live.noteMessage(link);
    send(socket, answer);
  } catch (thrown) {
    await refuse(deps, turn, toTautlineError(thrown));
  }
  if (session.isEnded()) socket.close(1000, "agent disconnected");
  else if (state.bad >= MAX_BAD_MESSAGES) socket.close(CLOSE_POLICY, "too many bad messages");
  else if (caller.kind === "token" && state.bad > 0) socket.close(CLOSE_POLICY, "join refused");
}

async function refuse(
  deps: WebSocketLinkDeps,
  { caller, session, socket, state }: Turn,
  error: TautlineError,
): Promise<void> {
  state.bad += 1;
  if (error.code === "internal.unexpected")
    deps.log.error({ err: error }, "a message could not be handled");
  await deps.refusals.note(error, caller);
  send(socket, errorAnswer(error, session.agentId));
  if (error.code === "opamp.too_large") socket.close(CLOSE_TOO_BIG, error.code);
  if (error.code === "opamp.not_your_id") socket.close(CLOSE_POLICY, error.code);
}

function liveLinkOf(
  caller: Caller & { kind: "agent" },
  session: Session,
  socket: WebSocket,
): LiveLink {
  const { agent, evidence, remoteAddress } = caller;
  return {
    id: randomUUID(),
    agentId: agent.id,
    namespace: agent.namespace,
    transport: "websocket",
    remoteAddress,
    evidence,
    push: async () => {
      const message = await session.push();
      if (message !== undefined) send(socket, message);
    },
    end: (reason) => {
      send(socket, errorAnswer(reason, agent.id));
      socket.close(reason.status >= 500 ? CLOSE_GOING_AWAY : CLOSE_POLICY, reason.code);
    },
  };
}

function send(socket: WebSocket, message: ServerToAgent): void {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > MAX_UNSENT_BYTES) socket.terminate();
  else socket.send(encodeFrame(encodeServerToAgent(message)));
}

/** A peer that vanished without a word is noticed within two pings. */
function keepAlive(socket: WebSocket): () => void {
  let answered = true;
  const timer = setInterval(() => {
    if (!answered) socket.terminate();
    answered = false;
    socket.ping();
  }, PING_MS);
  timer.unref();
  socket.on("pong", () => {
    answered = true;
  });
  return () => clearInterval(timer);
}
