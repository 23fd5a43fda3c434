import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "@tautline/daemon";
import { FORWARD_PATH, RECEIVER_PATH } from "@tautline/link";
import { LIMITS, TautlineError } from "@tautline/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import { endWithProblem } from "../api/problem-reply.ts";
import { saidWithAnswers } from "../api/said-with-answers.ts";
import { acceptForward } from "../forwards/accept-forward.ts";
import type { UpgradedLink } from "../forwards/forward-service.ts";
import { acceptEdge, type EdgeLink } from "../receiver/accept-edge.ts";
import type { PolicyKind } from "../policy/policy-kind.ts";
import type { AgentCaller, Caller } from "./caller.ts";
import { CONTROL_PATH } from "./control-path.ts";
import { errorForPeer } from "./peer-error.ts";

/** What an upgrade request becomes. */
export interface UpgradeDeps {
  /** @throws the refusal, told to the caller before the upgrade */
  readonly admit: (request: IncomingMessage, kind: PolicyKind) => Promise<Caller>;
  readonly onOpen: (caller: Caller, socket: WebSocket) => void;
  /** Takes the links of agents that carry forwards. */
  readonly onForward: (caller: AgentCaller, link: UpgradedLink) => void;
  /** Takes the links of agents' edges, which carry telemetry. */
  readonly onEdge: (caller: AgentCaller, link: EdgeLink) => void;
  readonly log: Logger;
  readonly now: () => number;
  /** What central says of itself, with every answer. */
  readonly offer: () => string;
}

const FRAME_HEADER_BYTES = 1;
/** A message a little over the limit is read, so that its sender is told what the limit is; ws cuts longer ones with 1009. */
const TOLD_BYTES = 1024;
/** Clients that write in small parts send a megabyte in a few hundred; each part costs many times its few bytes (F15). */
const MAX_FRAGMENTS = 1_024;
/** A peer that does not close its end is cut then. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Makes WebSockets of the upgrade requests of an HTTP server. Refusals are problem documents, before the upgrade.
 *
 * @param server whose connections were secured before it sees them
 * @param deps who may, and what then
 */
export function serveUpgrades(server: Server, deps: UpgradeDeps): void {
  const said = (): Readonly<Record<string, string>> => saidWithAnswers(deps);
  const upgraders = {
    agent: createUpgrader(LIMITS.opampMessageBytes.value, said),
    token: createUpgrader(LIMITS.opampUnprovenMessageBytes.value, said),
    lapsed: createUpgrader(LIMITS.opampUnprovenMessageBytes.value, said),
    claim: createUpgrader(LIMITS.opampUnprovenMessageBytes.value, said),
  };
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const upgraded = { request, socket, head };
    takeUpgrade(deps, upgraders, upgraded, said).catch((error: unknown) => {
      const told = errorForPeer(error);
      if (told !== error) deps.log.error({ err: error }, "an upgrade was not handled");
      endWithProblem(socket, told, said());
    });
  });
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

function takeUpgrade(
  deps: UpgradeDeps,
  upgraders: Readonly<Record<Caller["kind"], WebSocketServer>>,
  upgraded: Upgrade,
  said: () => Readonly<Record<string, string>>,
): Promise<void> {
  const path = pathOf(upgraded.request);
  if (path === FORWARD_PATH) return acceptForward(deps, upgraded, said);
  if (path === RECEIVER_PATH) return acceptEdge(deps, upgraded, said);
  return upgrade(deps, upgraders, upgraded);
}

async function upgrade(
  { admit, onOpen }: UpgradeDeps,
  upgraders: Readonly<Record<Caller["kind"], WebSocketServer>>,
  { request, socket, head }: Upgrade,
): Promise<void> {
  if (pathOf(request) !== CONTROL_PATH) throw new TautlineError("api.no_route");
  const caller = await admit(request, "control");
  upgraders[caller.kind].handleUpgrade(request, socket, head, (open) => onOpen(caller, open));
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?")[0] ?? "";
}

function createUpgrader(
  maxMessageBytes: number,
  said: () => Readonly<Record<string, string>>,
): WebSocketServer {
  const options = {
    noServer: true,
    clientTracking: false,
    // A compressed bomb is refused by there being no compression (A29).
    perMessageDeflate: false,
    maxPayload: maxMessageBytes + FRAME_HEADER_BYTES + TOLD_BYTES,
    maxFragments: MAX_FRAGMENTS,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  const upgrader = new WebSocketServer(options);
  upgrader.on("headers", (headers) => {
    for (const [name, value] of Object.entries(said())) headers.push(`${name}: ${value}`);
  });
  return upgrader;
}
