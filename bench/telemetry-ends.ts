/**
 * The programs at both ends of the benchmark of telemetry, driven over its channel: a backend that answers gRPC, and clients that call it
 * through whatever port they are given. Both are one process, the same for every peer.
 */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { LevelWorld } from "./level-world.ts";
import { answerQuestions } from "./worker.ts";

/** A port, and what its clients show; without it they come without TLS. */
interface To {
  readonly port: number;
  readonly world?: LevelWorld;
}

interface Calls extends To {
  readonly count: number;
  readonly atOnce: number;
}

const { NGHTTP2_NO_ERROR } = constants;
/** As long as a heartbeat of an agent, in its prefix of five bytes. */
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 100]), Buffer.alloc(100, 7)]);
const TRAILERS = { "grpc-status": "0" };
const HEAD = {
  ":method": "POST",
  ":scheme": "https",
  ":path": "/skywalking.v3.ManagementService/keepAlive",
  "content-type": "application/grpc",
  te: "trailers",
  "user-agent": "bench",
};

const held: ClientHttp2Session[] = [];

answerQuestions({
  open: async () => {
    const server = createServer({ settings: { maxConcurrentStreams: 1_000 } });
    server.on("stream", serve);
    server.listen(0, "127.0.0.1", 4_096);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  },
  /** Milliseconds for so many unary calls over one connection. */
  unary: async ({ count, atOnce, ...to }: Calls) => {
    const session = await dial(to);
    const began = performance.now();
    let left = count;
    const caller = async (): Promise<void> => {
      while ((left -= 1) >= 0) await unary(session);
    };
    await Promise.all(Array.from({ length: atOnce }, caller));
    const ms = performance.now() - began;
    session.close();
    return ms;
  },
  /** Microseconds of a unary call, one after another: the middle one and the 99th of a hundred. */
  talk: async ({ count, ...to }: Calls) => {
    const session = await dial(to);
    const times: number[] = [];
    for (let each = 0; each < count; each += 1) {
      const began = performance.now();
      await unary(session);
      times.push((performance.now() - began) * 1_000);
    }
    session.close();
    const sorted = times.toSorted((one, other) => one - other);
    const [p50, p99] = [0.5, 0.99].map((share) => sorted[Math.floor(count * share)]);
    return { p50, p99 };
  },
  /** Milliseconds for so many messages there and back on streams that stay. */
  stream: async ({ count, atOnce, ...to }: Calls) => {
    const session = await dial(to);
    const began = performance.now();
    const share = Math.ceil(count / atOnce);
    await Promise.all(Array.from({ length: atOnce }, () => pour(session, share)));
    const ms = performance.now() - began;
    session.close();
    return ms;
  },
  /** Opens connections with one call each, and keeps them. */
  hold: async ({ count, ...to }: Calls) => {
    for (let each = 0; each < count; each += 1) {
      const session = await dial(to);
      await unary(session);
      held.push(session);
    }
  },
  drop: () => {
    for (const session of held.splice(0)) session.destroy();
  },
});

function serve(stream: ServerHttp2Stream): void {
  stream.on("error", () => {});
  stream.on("wantTrailers", () => stream.sendTrailers(TRAILERS));
  const head = { ":status": 200, "content-type": "application/grpc" };
  stream.respond(head, { waitForTrailers: true });
  stream.on("data", (part: Buffer) => {
    if (stream.write(part)) return;
    stream.pause();
    stream.once("drain", () => stream.resume());
  });
  stream.on("end", () => stream.end());
}

async function dial({ port, world }: To): Promise<ClientHttp2Session> {
  const identity = world && {
    ca: world.rootPem,
    cert: world.agent.chainPem,
    key: world.agent.keyPem,
    servername: "localhost",
  };
  const session = connect(`${world ? "https" : "http"}://127.0.0.1:${port}`, { ...identity });
  await Promise.race([once(session, "connect"), rejectOn(session)]);
  session.on("error", () => {});
  return session;
}

async function rejectOn(session: ClientHttp2Session): Promise<never> {
  const [error] = (await once(session, "close")) as [unknown];
  throw error ?? new Error("the connection was closed");
}

function unary(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ...HEAD, ":authority": "bench" });
    let status: unknown;
    stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    stream.on("error", reject);
    stream.on("close", () => {
      const isWhole = status === "0" && stream.rstCode === NGHTTP2_NO_ERROR;
      if (isWhole) resolve();
      else reject(new Error(`the call ended with ${String(status)}, reset ${stream.rstCode}`));
    });
    stream.resume();
    stream.end(MESSAGE);
  });
}

function pour(session: ClientHttp2Session, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ...HEAD, ":authority": "bench" });
    let bytes = 0;
    stream.on("data", (part: Buffer) => (bytes += part.length));
    stream.on("error", reject);
    stream.on("close", () => {
      if (bytes === count * MESSAGE.length) resolve();
      else reject(new Error(`${bytes} bytes came back`));
    });
    let left = count;
    const more = (): void => {
      while (left > 0) {
        left -= 1;
        if (!stream.write(MESSAGE)) return void stream.once("drain", more);
      }
      stream.end();
    };
    more();
  });
}
