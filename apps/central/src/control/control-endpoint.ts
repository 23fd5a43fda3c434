import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import { PROOF_HEADER } from "@tautline/pki";
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
import { type SecuredConnection, securedOf } from "../listeners/secured-connection.ts";
import { shownAddress } from "../sources/remote-network.ts";
import type { ForwardService, UpgradedLink } from "../forwards/forward-service.ts";
import type { EvidenceHistory } from "../history/evidence-history.ts";
import type { PolicyKind } from "../policy/policy-kind.ts";
import { judgeCallerUnderPolicy, type JudgingBook } from "../policy/policy-judge.ts";
import type { ReceiverService } from "../receiver/receiver-service.ts";
import type { Reopenings } from "../reopening/reopenings.ts";
import type { AgentCaller, Caller } from "./caller.ts";
import type { ClockWatch } from "./clock-watch.ts";
import { CONTROL_PATH } from "./control-path.ts";
import type { Offers } from "./offers.ts";
import type { OpenConnections } from "./open-connections.ts";
import type { PollingLinks } from "./polling-links.ts";
import { challengeOf } from "./proof-challenge.ts";
import { readBody } from "./request-body.ts";
import type { Session } from "./session.ts";
import { serveUpgrades } from "./upgrade-endpoint.ts";
import { runWebSocketLink, type WebSocketLinkDeps } from "./websocket-link.ts";

const PROTOBUF = "application/x-protobuf";
const TOO_LARGE = 413;

/** What the control link needs. */
export interface ControlDeps extends WebSocketLinkDeps {
  readonly admission: Admission;
  readonly connections: OpenConnections;
  readonly polling: PollingLinks;
  readonly beginSession: (caller: Caller) => Session;
  readonly clockWatch: ClockWatch;
  readonly offers: Pick<Offers, "header">;
  readonly forwarding: Pick<ForwardService, "serve">;
  readonly receiving: Pick<ReceiverService, "serveEdge">;
  /** What is asked of the links of a namespace. */
  readonly policies: { readonly book: JudgingBook };
  /** Whom plaintext is open to, to be told where they can join. */
  readonly reopenings: Pick<Reopenings, "covers">;
  /** Sees links that carry forwards come and go; the others are in the table of live links. */
  readonly history: { readonly recorder: Pick<EvidenceHistory["recorder"], "opened" | "closed"> };
  readonly isStopping: () => boolean;
  /** Refuses a request for how its connection is secured, by the settings that hold when it is asked. */
  readonly judgeRequest: (
    connection: SecuredConnection,
    headers: IncomingHttpHeaders,
  ) => TautlineError | undefined;
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
    admit: (request, kind) => track(admitRequest(deps, request, kind)),
    onOpen: (caller, socket) => {
      const session = deps.beginSession(caller);
      void track(runWebSocketLink(deps, { caller, session, socket }));
    },
    onForward: (caller, link) => void track(serveForward(deps, caller, link)),
    // Calls are given their own time to end, and the link is cut then: nobody waits for it here.
    onEdge: (caller, link) => void deps.receiving.serveEdge(caller, link),
    log: deps.log,
    now: deps.now,
    offer: () => deps.offers.header(),
  });
  // The body is read by the handler, when it is known how much this caller may send.
  app.addContentTypeParser(PROTOBUF, (_request, _payload, done) => done(null));
  app.post(CONTROL_PATH, async (request, reply) => {
    const { status, body } = await track(answerPoll(deps, request.raw));
    // The rest of a body that nobody reads ends with its connection.
    if (status === TOO_LARGE) void reply.header("connection", "close");
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
  const caller = await admitRequest(deps, request, "control");
  const limit =
    caller.kind === "agent" ? LIMITS.opampMessageBytes : LIMITS.opampUnprovenMessageBytes;
  return deps.polling.take(caller, () => readBody(request, limit.value));
}

/** What links negotiated is kept of these too: a plan has to know who carries forwards over what. */
async function serveForward(
  { forwarding, history, now }: ControlDeps,
  caller: AgentCaller,
  link: UpgradedLink,
): Promise<void> {
  const { agent, evidence, remoteAddress } = caller;
  const observed = { agentId: agent.id, evidence, remoteAddress, kind: "forward" } as const;
  history.recorder.opened(observed);
  await forwarding.serve(caller, link);
  history.recorder.closed(observed, now());
}

async function admitRequest(
  deps: ControlDeps,
  request: IncomingMessage,
  kind: PolicyKind,
): Promise<Caller> {
  if (deps.isStopping()) throw new TautlineError("central.stopping");
  const { socket, headers } = request;
  const secured = securedOf(socket);
  if (secured === undefined) throw new TautlineError("admission.credential_missing");
  const remoteAddress = shownAddress(secured.remoteAddress);
  const peerMs = readPeerTime(headers[TIME_HEADER]);
  const clockOffsetMs = peerMs === undefined ? undefined : peerMs - deps.now();
  const { authorization, [PROOF_HEADER]: proof } = headers;
  const arrival: Arrival = {
    ...secured,
    authorization,
    // Node joins a header that comes twice, and the reader refuses what is joined.
    proof: proof?.toString(),
    challenge: challengeOf(socket, deps.now),
    remoteAddress,
  };
  const said = { clockOffsetMs, offer: readOffer(headers[OFFER_HEADER]) };
  // The very caller that is let in is the one that is given a voice later: nothing may be added to a copy of it.
  const caller = await deps.connections.admit({ socket, kind }, async () => {
    const mayBeTold = kind === "control" && isHeardOut(deps, arrival);
    const refusal = deps.judgeRequest(arrival, headers);
    if (refusal !== undefined && !(mayBeTold && CLOSED.has(refusal.code))) {
      await deps.refusals.note(refusal, arrival);
      throw refusal;
    }
    const judged = await deps.admission.admit(arrival);
    if (refusal !== undefined && judged.kind !== "claim") {
      await deps.refusals.note(refusal, judged);
      throw refusal;
    }
    // Who calls comes first: no policy and no exception lets in whom the admission does not.
    const lack = judgeCallerUnderPolicy(deps.policies.book, judged, { kind });
    if (lack !== undefined && !(mayBeTold && judged.kind === "claim")) {
      const { evidence } = judged;
      const provenId = judged.kind === "agent" ? judged.agent.id : undefined;
      await deps.refusals.note(lack, { evidence, remoteAddress, provenId, linkKind: kind });
      throw lack;
    }
    if (judged.kind === "agent") return { ...judged, ...said };
    if (judged.kind !== "claim") return judged;
    return { ...judged, offer: said.offer, refusal: refusal ?? lack };
  });
  const isNobody = caller.kind === "token" || caller.kind === "claim";
  if (isNobody || clockOffsetMs === undefined) return caller;
  const agentId = caller.kind === "agent" ? caller.agent.id : caller.agentId;
  await deps.clockWatch.note(agentId, clockOffsetMs, remoteAddress);
  return caller;
}

/** What a listener that is closed to a caller says. */
const CLOSED: ReadonlySet<string> = new Set([
  "admission.level_not_accepted",
  "admission.loopback_only",
]);

/** Somebody in plaintext who shows nothing, from where a re-opening lets him be told where he can join. */
function isHeardOut(
  { reopenings }: Pick<ControlDeps, "reopenings">,
  { evidence, authorization, proof, remoteAddress }: Arrival,
): boolean {
  const showsNothing = authorization === undefined && proof === undefined;
  return evidence.level === "plaintext" && showsNothing && reopenings.covers(remoteAddress);
}
