/** Programs in order that call through central's port for telemetry, in a process of their own, driven over its channel. */
import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import { answerQuestions } from "./worker.ts";

/** The port, and what they show. */
export interface GoodOrder {
  readonly port: number;
  readonly rootPem: string;
  readonly token: string;
  readonly callers: number;
}

/** How often each calls, and for how long. */
export interface GoodWindow {
  readonly perSecond: number;
  readonly durationMs: number;
}

/** What they saw. */
export interface GoodOutcome {
  /** Milliseconds of each call that came back whole. */
  readonly took: readonly number[];
  /** Why others did not; one line each. */
  readonly failed: readonly string[];
}

const { NGHTTP2_NO_ERROR } = constants;
/** As long as a heartbeat of an agent, in its prefix of five bytes. */
const MESSAGE = Buffer.concat([Buffer.from([0, 0, 0, 0, 100]), Buffer.alloc(100, 7)]);

let sessions: ClientHttp2Session[] = [];
let token = "";

answerQuestions({
  open: async (order: GoodOrder) => {
    ({ token } = order);
    const opening = Array.from({ length: order.callers }, () => dial(order));
    sessions = await Promise.all(opening);
  },
  call: async ({ perSecond, durationMs }: GoodWindow): Promise<GoodOutcome> => {
    const outcome = { took: [] as number[], failed: [] as string[] };
    const calling = sessions.map((session) => callAll(session, { perSecond, durationMs }, outcome));
    await Promise.all(calling);
    return outcome;
  },
});

async function dial({ port, rootPem }: GoodOrder): Promise<ClientHttp2Session> {
  const session = connect(`https://localhost:${port}`, { ca: rootPem });
  session.on("error", () => {});
  await once(session, "connect");
  return session;
}

/** At its times, whether those before were answered or not: who waits for a slow answer would not see the next one wait. */
async function callAll(
  session: ClientHttp2Session,
  { perSecond, durationMs }: GoodWindow,
  { took, failed }: { took: number[]; failed: string[] },
): Promise<void> {
  const began = performance.now();
  const underWay: Promise<void>[] = [];
  const most = Math.round((durationMs / 1_000) * perSecond);
  for (let call = 0; call < most; call += 1) {
    const dueMs = began + (call * 1_000) / perSecond - performance.now();
    if (dueMs > 0) await wait(dueMs);
    const note = (ms: number): void => void took.push(ms);
    const complain = (error: unknown): void => void failed.push(String(error));
    underWay.push(callOnce(session).then(note, complain));
  }
  await Promise.all(underWay);
}

/** @returns milliseconds until the answer was whole */
function callOnce(session: ClientHttp2Session): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const stream = session.request({
      ":method": "POST",
      ":path": "/skywalking.v3.ManagementService/keepAlive",
      "content-type": "application/grpc",
      te: "trailers",
      authentication: token,
    });
    let status: unknown;
    stream.on("response", (headers) => (status ??= headers["grpc-status"]));
    stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    stream.on("error", reject);
    stream.on("close", () => {
      const isWhole = status === "0" && stream.rstCode === NGHTTP2_NO_ERROR;
      if (isWhole) resolve(performance.now() - began);
      else reject(new Error(`the call ended with ${String(status)}, reset ${stream.rstCode}`));
    });
    stream.resume();
    stream.end(MESSAGE);
  });
}

process.once("SIGTERM", () => process.exit(0));
process.once("disconnect", () => process.exit(0));
