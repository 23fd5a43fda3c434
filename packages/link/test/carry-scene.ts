import { once } from "node:events";
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { CallRecord, CallVerdict } from "../src/carry/call.ts";
import type { CarriedConnection, Carrier, CarrierOptions } from "../src/carry/carrier.ts";
import { createCarrier } from "../src/carry/create-carrier.ts";
import { createUpstreams } from "../src/carry/create-upstreams.ts";
import type { UpstreamPlace, Upstreams, UpstreamsOptions } from "../src/carry/upstreams.ts";

/** A gRPC message in its prefix. */
export function grpcMessage(bytes: Uint8Array | string, flag = 0): Buffer {
  const body = Buffer.from(bytes as string);
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** A backend of HTTP/2 that does what a test tells it. */
export interface Http2Backend extends AsyncDisposable {
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
  readonly sockets: Socket[];
}

/**
 * Starts a backend of HTTP/2 without TLS.
 *
 * @param onStream answers calls
 * @param settings what it says of itself, and its port
 */
export async function startHttp2Backend(
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  { port = 0, ...settings }: { maxConcurrentStreams?: number; port?: number } = {},
): Promise<Http2Backend> {
  const server = createHttp2Server({ settings });
  const sessions: ServerHttp2Session[] = [];
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.on("session", (session) => sessions.push(session));
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    sessions,
    sockets,
    [Symbol.asyncDispose]: () => {
      for (const session of sessions) session.destroy();
      server.close();
      return Promise.resolve();
    },
  };
}

/** Answers a gRPC call with one message and status 0, once its body has come. */
export function answerGrpc(stream: ServerHttp2Stream, message = "answer"): void {
  stream.resume();
  stream.on("end", () => {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(grpcMessage(message));
  });
}

/** A place at a port of loopback. */
export function placeAt(port: number, name = `backend-${port}`): UpstreamPlace {
  return {
    name,
    authority: `127.0.0.1:${port}`,
    scheme: "http",
    connect: async (signal) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, signal });
      await once(socket, "connect");
      return socket;
    },
  };
}

/** Upstreams of a test: places by their ports, short times. */
export function upstreamsTo(
  ports: readonly number[],
  options: Partial<UpstreamsOptions> = {},
): Upstreams {
  return createUpstreams({
    places: ports.map((port) => placeAt(port)),
    protocol: "h2",
    now: () => performance.now(),
    random: () => 0.5,
    ...options,
  });
}

/** A carrier on a port of loopback. */
export interface CarryScene extends AsyncDisposable {
  readonly port: number;
  readonly carrier: Carrier<number>;
  readonly records: CallRecord[];
  readonly connections: CarriedConnection[];
  /** Resolves to the record of the next call that is over. */
  nextRecord(): Promise<CallRecord>;
  /** A client of HTTP/2 that is gone with the scene. */
  dial(): ClientHttp2Session;
  /** A connection over which a test says what it likes. */
  dialBare(): Socket;
}

/**
 * Serves every connection of a port by a carrier.
 *
 * @param judge asked of each call
 * @param options limits and the like
 */
export async function startCarryScene(
  judge: CarrierOptions<number>["judge"] | Upstreams,
  options: Partial<CarrierOptions<number>> = {},
): Promise<CarryScene> {
  const records: CallRecord[] = [];
  const connections: CarriedConnection[] = [];
  let next = Promise.withResolvers<CallRecord>();
  const carrier = createCarrier<number>({
    judge: typeof judge === "function" ? judge : (): CallVerdict => ({ to: judge }),
    onCall: (record) => {
      records.push(record);
      next.resolve(record);
      next = Promise.withResolvers();
    },
    now: () => performance.now(),
    ...options,
  });
  const server = createServer((socket) => {
    connections.push(carrier.serve(socket, connections.length));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  const clients: { destroy(): unknown }[] = [];
  return {
    port,
    carrier,
    records,
    connections,
    nextRecord: () => next.promise,
    dial: () => {
      const session = connectHttp2(`http://127.0.0.1:${port}`, {
        strictSingleValueFields: false,
      } as object);
      session.on("error", () => {});
      clients.push(session);
      return session;
    },
    dialBare: () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      clients.push(socket);
      return socket;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      server.close();
      await carrier.stop(0);
    },
  };
}

/** What a caller of HTTP/2 sees of its call. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly resetCode: number;
}

/**
 * Calls by HTTP/2, and resolves when the call is over, however it ended.
 *
 * @param session of a client
 * @param headers besides what a gRPC call has
 * @param body the whole request
 */
export async function call(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body: Uint8Array = grpcMessage("question"),
): Promise<Answer> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/test.Service/call",
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  stream.on("error", () => {});
  const seen: { headers: IncomingHttpHeaders; trailers: IncomingHttpHeaders } = {
    headers: {},
    trailers: {},
  };
  stream.on("response", (got) => (seen.headers = got));
  stream.on("trailers", (got) => (seen.trailers = got));
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.end(body);
  if (!stream.destroyed) await new Promise((resolve) => stream.once("close", resolve));
  return {
    status: seen.headers[":status"] as number | undefined,
    ...seen,
    body: Buffer.concat(parts),
    resetCode: stream.rstCode,
  };
}

function portOf(server: Server | Http2Server): number {
  return (server.address() as AddressInfo).port;
}
