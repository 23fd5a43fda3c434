import type { TLSSocket } from "node:tls";
import { dialMutual, dialPinned, openWebSocket } from "@tautline/link";
import { decodeFrame, encodeFrame, formatTokenCredential, LIMITS } from "@tautline/protocol";
import { isTautlineError, type ServerToAgent, TautlineError } from "@tautline/protocol";
import type { WebSocket } from "ws";
import { takeGrant } from "./grant.ts";
import { readServerWord } from "./server-word.ts";
import type { SimulatedIdentity, SimulatedSelf } from "./simulated-identity.ts";
import { encodeJoin, encodeRenewal } from "./status-message.ts";
import { ANSWER_TIMEOUT_MS, OPAMP_PATH, type SwarmWorld } from "./swarm-world.ts";

const MAX_FRAME_BYTES = LIMITS.opampMessageBytes.value + 1;
const NORMAL_CLOSURE = 1000;

const PASSING = new Set([
  "agent.central_silent",
  "agent.central_unavailable",
  "agent.link_closed",
  "link.broken",
  "link.handshake_cut",
  "link.timeout",
  "link.unreachable",
]);

/**
 * Joins once: dials by the token's pin (level tls), asks for both certificates, checks the grant.
 *
 * @param world the swarm's
 * @param self who joins
 * @param signal gives up
 * @throws link.*, agent.no_grant, agent.grant_refused, agent.refused, agent.central_unavailable, agent.central_silent
 */
export async function joinCentral(
  world: SwarmWorld,
  self: SimulatedSelf,
  signal: AbortSignal,
): Promise<SimulatedIdentity> {
  const { target, token, now, random } = world;
  const { host, port, address } = target;
  const { pins, trustDomain } = token;
  const timeoutMs = ANSWER_TIMEOUT_MS;
  const { socket } = await dialPinned({ host, port, pins, trustDomain, timeoutMs, signal, now });
  const Authorization = `Bearer ${formatTokenCredential(token.tokenId, token.secret)}`;
  const question = { agentId: self.id, bytes: encodeJoin(self), headers: { Authorization } };
  const message = await askOnce(world, socket, question, signal);
  return takeGrant(message, self, { token, address, nowMs: now(), random });
}

/**
 * Asks for the next identity over a link whose certificate has expired, and which can do nothing else (F5).
 *
 * @param world the swarm's
 * @param identity expired; its key is proven
 * @param next whom to ask for
 * @param signal gives up
 * @returns central's answer, its grant unchecked
 * @throws link.*, agent.refused, agent.central_unavailable, agent.central_silent
 */
export async function renewLapsed(
  world: SwarmWorld,
  identity: SimulatedIdentity,
  next: SimulatedSelf,
  signal: AbortSignal,
): Promise<ServerToAgent> {
  const { host, port } = world.target;
  const { id, keyPem, chainPem, roots, trustDomain } = identity;
  const own = { keyPem, chainPem };
  const limits = { timeoutMs: ANSWER_TIMEOUT_MS, signal, now: world.now };
  const { socket } = await dialMutual({ host, port, roots, identity: own, trustDomain, ...limits });
  return askOnce(world, socket, { agentId: id, bytes: encodeRenewal(next, 1) }, signal);
}

interface Question {
  readonly agentId: string;
  /** An encoded AgentToServer. */
  readonly bytes: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One message, one answer, over a link of its own. */
async function askOnce(
  { target }: SwarmWorld,
  socket: TLSSocket,
  { agentId, bytes, headers }: Question,
  signal: AbortSignal,
): Promise<ServerToAgent> {
  const websocket = await openWebSocket({
    socket,
    path: OPAMP_PATH,
    host: target.address,
    headers: { ...headers, "OpAMP-Instance-UID": agentId },
    maxMessageBytes: MAX_FRAME_BYTES,
    signal,
  });
  try {
    websocket.send(encodeFrame(bytes), () => {});
    const word = readServerWord(await firstMessage(websocket, target.address, signal), agentId);
    if (word.refusal !== undefined) throw word.refusal.error;
    return word.message;
  } finally {
    websocket.close(NORMAL_CLOSURE);
  }
}

/**
 * Tells whether a failed join may go better by itself in a moment, as the agent judges it.
 *
 * @param error why it failed
 */
export function mayJoinLater(error: TautlineError): boolean {
  if (error.code !== "link.refused") return PASSING.has(error.code);
  const status = Number(error.detail["status"]);
  return status === 429 || status >= 500;
}

function firstMessage(
  websocket: WebSocket,
  address: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const fail = (error: TautlineError): void => {
      settle();
      reject(error);
    };
    const cancel = (): void => fail(new TautlineError("link.cancelled", { detail: { address } }));
    const seconds = ANSWER_TIMEOUT_MS / 1000;
    const timer = setTimeout(
      () => fail(new TautlineError("agent.central_silent", { detail: { address, seconds } })),
      ANSWER_TIMEOUT_MS,
    );
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
    };
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    websocket.once("message", (data: Buffer) => {
      settle();
      try {
        resolve(decodeFrame(data, LIMITS.opampMessageBytes.value));
      } catch (error) {
        reject(isTautlineError(error) ? error : new Error("unreadable frame", { cause: error }));
      }
    });
    websocket.once("close", (code) => {
      const detail = { address, reason: ` (code ${code})` };
      fail(new TautlineError("agent.link_closed", { detail }));
    });
  });
}
