import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { setInterval } from "node:timers/promises";
import type { TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { systemClock } from "../src/clock.ts";
import { createEdgeService, type EdgeService } from "../src/edge/edge-service.ts";
import { edgeSetting } from "../src/edge/edge-settings.ts";
import { openQuickVault } from "./quick-vault.ts";

/** A call as a backend received it, whole. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** How a backend answers: a status of gRPC, a status of HTTP, or never. */
export type Answering = (
  call: Received,
) => { readonly grpc: number } | { readonly http: number } | undefined;

/** A backend over HTTP/2 at a port of loopback. */
export interface Backend extends AsyncDisposable {
  readonly port: number;
  readonly received: readonly Received[];
  answering: Answering;
}

/**
 * Starts one that takes every call.
 *
 * @param port any free one unless told
 * @param tls its certificate, and what it asks of its callers; without it it speaks plaintext
 */
export async function startBackend(port = 0, tls?: SecureServerOptions): Promise<Backend> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  const backend = {
    received,
    answering: ((): { grpc: number } => ({ grpc: 0 })) as Answering,
  };
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const call = { path: String(headers[":path"]), headers, body: Buffer.concat(chunks) };
      received.push(call);
      answerAs(stream as ServerHttp2Stream, backend.answering(call));
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(backend, {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
}

function answerAs(stream: ServerHttp2Stream, as: ReturnType<Answering>): void {
  if (as === undefined || stream.destroyed) return;
  if ("http" in as) {
    stream.respond({ ":status": as.http, "content-type": "application/json" });
    stream.end("{}");
    return;
  }
  if (as.grpc !== 0) {
    const trailersOnly = {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": as.grpc,
    };
    stream.respond(trailersOnly, { endStream: true });
    return;
  }
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-end": "told" }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
}

/** An edge that runs, and what it told. */
export interface EdgeScene {
  readonly edge: EdgeService;
  readonly port: number;
  readonly folder: string;
  readonly problems: readonly TautlineError[];
  /** Starts another one on the same folder, once this one has stopped. */
  readonly again: () => Promise<EdgeScene>;
}

/**
 * Runs an edge to a backend in plaintext.
 *
 * @param port of the backend; it need not listen yet
 * @param settings what of the edge's settings is different
 * @param use the test
 */
export async function withEdge(
  port: number,
  settings: object,
  use: (scene: EdgeScene) => Promise<void>,
): Promise<void> {
  const vault = await openQuickVault();
  await withTempFolder(async (path) => {
    const running: EdgeService[] = [];
    const start = async (): Promise<EdgeScene> => {
      const problems: TautlineError[] = [];
      const edge = createEdgeService({
        settings: { ...edgeSetting.parse(settings), listen: "127.0.0.1:0" },
        places: [placeAt(port)],
        isCentral: true,
        connectTimeoutMs: 5_000,
        dataDir: path,
        vault,
        clock: systemClock,
        random: () => 0,
        onProblem: (error) => void problems.push(error),
      });
      running.push(edge);
      edge.start();
      while (!edge.status.listening) await new Promise((resolve) => setImmediate(resolve));
      const here = Number(edge.status.listen.split(":")[1]);
      return { edge, port: here, folder: join(path, "edge"), problems, again: start };
    };
    try {
      await use(await start());
    } finally {
      for (const edge of running) await edge.stop();
    }
  });
}

function placeAt(port: number) {
  const connect = async (signal: AbortSignal): Promise<Socket> => {
    const socket = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect", { signal });
    return socket;
  };
  return { name: "the backend", authority: "backend", scheme: "http", connect } as const;
}

/** An answer as a program received it. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Of trailers, or of headers where there are no others. */
  readonly grpc: string | undefined;
  readonly message: string;
}

/** A program of this host that calls over one connection by HTTP/2. */
export interface Program extends AsyncDisposable {
  call(
    path: string,
    body: Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answered>;
  readonly session: ClientHttp2Session;
}

/**
 * Connects to an edge.
 *
 * @param place a port of loopback, or the path of a Unix socket
 */
export function programAt(place: number | string): Program {
  const session =
    typeof place === "number"
      ? connectHttp2(`http://127.0.0.1:${place}`)
      : connectHttp2("http://any.name", { createConnection: () => connectTcp({ path: place }) });
  session.on("error", () => {});
  return {
    session,
    call: (path, body, headers = {}) => {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        "user-agent": "test-program/1",
        ...headers,
      });
      const { promise, resolve, reject } = Promise.withResolvers<Answered>();
      const chunks: Buffer[] = [];
      let head: IncomingHttpHeaders & { ":status"?: number | undefined } = {};
      let trailers: IncomingHttpHeaders = {};
      stream.on("response", (received) => (head = received));
      stream.on("trailers", (received) => (trailers = received));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        const status = head[":status"];
        if (status === undefined) {
          reject(new Error("the connection was closed"));
          return;
        }
        const all = { ...head, ...trailers };
        const grpc = all["grpc-status"];
        resolve({
          status,
          headers: all,
          body: Buffer.concat(chunks),
          grpc: typeof grpc === "string" ? grpc : undefined,
          message: decodeURIComponent(String(all["grpc-message"] ?? "")),
        });
      });
      stream.end(body);
      return promise;
    },
    [Symbol.asyncDispose]: async () => session.destroy(),
  };
}

/** One message of gRPC. */
export function messageOf(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

const LOOK_EVERY_MS = 5;

/**
 * Looks again and again until something is there; the test's own limit ends a wait that never does.
 *
 * @param look gives what was waited for, or undefined while it is not there
 */
export async function untilThere<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  const first = await look();
  if (first !== undefined) return first;
  for await (const _ of setInterval(LOOK_EVERY_MS)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error("unreachable");
}

/** Looks until it holds. */
export async function untilHolds(holds: () => boolean): Promise<void> {
  await untilThere(async () => (holds() ? true : undefined));
}
