import type { IncomingMessage, Server } from "node:http";
import {
  LIMITS,
  OFFER_HEADER,
  readOffer,
  readPeerTime,
  TautlineError,
  TIME_HEADER,
} from "@tautline/protocol";
import type { FastifyInstance } from "fastify";
import type { Admission, Arrival } from "./admission.ts";
import { securedOf } from "../listeners/secured-connection.ts";
import { shownAddress } from "../sources/remote-network.ts";
import type { Caller } from "./caller.ts";
import type { ClockWatch } from "./clock-watch.ts";
import { CONTROL_PATH } from "./control-path.ts";
import type { Offers } from "./offers.ts";
import type { OpenConnections } from "./open-connections.ts";
import type { PollingLinks } from "./polling-links.ts";
import { readBody } from "./request-body.ts";
import type { Session } from "./session.ts";
import { serveUpgrades } from "./upgrade-endpoint.ts";
import { runWebSocketLink, type WebSocketLinkDeps } from "./websocket-link.ts";

const PROTOBUF = "application/x-protobuf";

/** What the control link needs. */
export interface ControlDeps extends WebSocketLinkDeps {
  readonly admission: Admission;
  readonly connections: OpenConnections;
  readonly polling: PollingLinks;
  readonly beginSession: (caller: Caller) => Session;
  readonly clockWatch: ClockWatch;
  readonly offers: Pick<Offers, "header">;
  readonly isStopping: () => boolean;
  readonly now: () => number;
}

/** The control link of one listener. */
export interface ControlEndpoint {
  /** Resolves when no WebSocket is open and no request is being answered. */
  settled(): Promise<void>;
}

/**
 * Serves the control link on an HTTP server whose connections were secured before it sees them.
 *
 * @param app answers polling requests (`POST /v1/opamp`)
 * @param server its HTTP server; its upgrade requests become WebSockets
 * @param deps central's parts
 */
export function serveControl(
  app: FastifyInstance,
  server: Server,
  deps: ControlDeps,
): ControlEndpoint {
  const underWay = new Set<Promise<unknown>>();
  const track = <T>(work: Promise<T>): Promise<T> => {
    underWay.add(work);
    const forget = (): void => void underWay.delete(work);
    work.then(forget, forget);
    return work;
  };
  serveUpgrades(server, {
    admit: (request) => track(admitRequest(deps, request)),
    onOpen: (caller, socket) => {
      const session = deps.beginSession(caller);
      void track(runWebSocketLink(deps, { caller, session, socket }));
    },
    log: deps.log,
    now: deps.now,
    offer: () => deps.offers.header(),
  });
  // The body is read by the handler, when it is known how much this caller may send.
  app.addContentTypeParser(PROTOBUF, (_request, _payload, done) => done(null));
  app.post(CONTROL_PATH, async (request, reply) => {
    const { status, body } = await track(answerPoll(deps, request.raw));
    return reply.status(status).header("content-type", PROTOBUF).send(Buffer.from(body));
  });
  return {
    settled: async () => {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

async function answerPoll(
  deps: ControlDeps,
  request: IncomingMessage,
): ReturnType<PollingLinks["take"]> {
  const caller = await admitRequest(deps, request);
  const limit =
    caller.kind === "agent" ? LIMITS.opampMessageBytes : LIMITS.opampUnprovenMessageBytes;
  return deps.polling.take(caller, () => readBody(request, limit.value));
}

async function admitRequest(deps: ControlDeps, request: IncomingMessage): Promise<Caller> {
  if (deps.isStopping()) throw new TautlineError("central.stopping");
  const { socket, headers } = request;
  const secured = securedOf(socket);
  if (secured === undefined) throw new TautlineError("admission.credential_missing");
  const remoteAddress = shownAddress(secured.remoteAddress);
  const peerMs = readPeerTime(headers[TIME_HEADER]);
  const clockOffsetMs = peerMs === undefined ? undefined : peerMs - deps.now();
  const arrival: Arrival = { ...secured, authorization: headers.authorization, remoteAddress };
  const said = { clockOffsetMs, offer: readOffer(headers[OFFER_HEADER]) };
  // The very caller that is let in is the one that is given a voice later: nothing may be added to a copy of it.
  const caller = await deps.connections.admit(socket, async () => {
    const judged = await deps.admission.admit(arrival);
    return judged.kind === "agent" ? { ...judged, ...said } : judged;
  });
  if (clockOffsetMs !== undefined && caller.kind !== "token") {
    const agentId = caller.kind === "agent" ? caller.agent.id : caller.agentId;
    await deps.clockWatch.note(agentId, clockOffsetMs, remoteAddress);
  }
  return caller;
}
