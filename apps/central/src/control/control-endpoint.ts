import type { IncomingMessage, Server } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Duplex } from "node:stream";
import { evidenceOf, refusalOf } from "@tautline/link";
import { LIMITS, TautlineError, toProblem, toTautlineError } from "@tautline/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { WebSocketServer } from "ws";
import type { Admission } from "./admission.ts";
import type { Caller } from "./caller.ts";
import type { PollingLinks } from "./polling-links.ts";
import type { Session } from "./session.ts";
import { runWebSocketLink, type WebSocketLinkDeps } from "./websocket-link.ts";

/** OpAMP's one path, for WebSocket and polling alike. */
export const CONTROL_PATH = "/v1/opamp";

const PROTOBUF = "application/x-protobuf";
const unzip = promisify(gunzip);

export interface ControlDeps extends WebSocketLinkDeps {
  readonly admission: Admission;
  readonly polling: PollingLinks;
  readonly beginSession: (caller: Caller) => Session;
  readonly isStopping: () => boolean;
}

/**
 * Serves the control link on an HTTP server whose connections were secured before it sees them.
 *
 * @param app answers polling requests (`POST /v1/opamp`)
 * @param server its HTTP server; its upgrade requests become WebSockets
 * @param deps central's parts
 */
export function serveControl(app: FastifyInstance, server: Server, deps: ControlDeps): void {
  const sizes = {
    agent: LIMITS.opampMessageBytes.value,
    token: LIMITS.opampUnprovenMessageBytes.value,
  };
  const upgraders = {
    agent: new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: sizes.agent + 1,
    }),
    token: new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: sizes.token + 1,
    }),
  };
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    upgrade(deps, upgraders, { request, socket, head }).catch((error: unknown) =>
      refuseUpgrade(socket, toTautlineError(error)),
    );
  });
  servePolling(app, deps, sizes);
}

async function upgrade(
  deps: ControlDeps,
  upgraders: Readonly<Record<Caller["kind"], WebSocketServer>>,
  { request, socket, head }: { request: IncomingMessage; socket: Duplex; head: Buffer },
): Promise<void> {
  if (request.url !== CONTROL_PATH) throw new TautlineError("api.no_route");
  const caller = await admitRequest(deps, request);
  upgraders[caller.kind].handleUpgrade(request, socket, head, (open) =>
    runWebSocketLink(deps, caller, deps.beginSession(caller), open),
  );
}

function servePolling(
  app: FastifyInstance,
  deps: ControlDeps,
  sizes: { agent: number; token: number },
): void {
  app.addContentTypeParser(
    PROTOBUF,
    { parseAs: "buffer", bodyLimit: sizes.agent },
    (_request, body, done) => done(null, body),
  );
  app.post(CONTROL_PATH, async (request, reply) => {
    const caller = await admitRequest(deps, request.raw);
    const bytes = await plainBody(request, sizes[caller.kind]);
    const { status, body } = await deps.polling.take(caller, bytes);
    return reply.status(status).header("content-type", PROTOBUF).send(Buffer.from(body));
  });
}

async function admitRequest(deps: ControlDeps, request: IncomingMessage): Promise<Caller> {
  if (deps.isStopping()) throw new TautlineError("central.stopping");
  const evidence = evidenceOf(request.socket);
  if (evidence === undefined) throw new TautlineError("admission.credential_missing");
  return deps.admission.admit({
    evidence,
    refusal: refusalOf(request.socket),
    authorization: request.headers.authorization,
    remoteAddress: request.socket.remoteAddress ?? "unknown",
  });
}

/** OpAMP servers must take gzip; the limit counts what comes out of it. */
async function plainBody(request: FastifyRequest, maxBytes: number): Promise<Buffer> {
  const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
  const plain =
    request.headers["content-encoding"] === "gzip" ? await inflate(body, maxBytes) : body;
  if (plain.length <= maxBytes) return plain;
  throw new TautlineError("opamp.too_large", { detail: { size: plain.length, limit: maxBytes } });
}

async function inflate(body: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await unzip(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new TautlineError("opamp.too_large", {
        cause,
        detail: { size: `over ${maxBytes}`, limit: maxBytes },
      });
    }
    throw new TautlineError("opamp.malformed", {
      cause,
      detail: { reason: "the body is not gzip" },
    });
  }
}

function refuseUpgrade(socket: Duplex, error: TautlineError): void {
  const problem = toProblem(error);
  const body = JSON.stringify(problem);
  const retry =
    error.status === 503 && error.code !== "central.stopping" ? "Retry-After: 30\r\n" : "";
  const challenge = error.status === 401 ? "WWW-Authenticate: Bearer\r\n" : "";
  socket.end(
    `HTTP/1.1 ${error.status} Refused\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${challenge}${retry}Connection: close\r\n\r\n${body}`,
  );
}
