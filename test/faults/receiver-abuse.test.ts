/**
 * What strangers do to the port for telemetry, and what of it programs in order notice: nothing. A real central, a backend by grpc-js.
 * How long calls take meanwhile is told as a diagnostic; whether they come back whole decides.
 */
import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import type { Duplex } from "node:stream";
import { setInterval } from "node:timers";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { describe, it, type TestContext } from "node:test";
import { CARRY_LIMITS } from "@tautline/protocol";
import { ECHO, type GrpcCaller, grpcCaller, startEcho, tlsCredentials } from "../grpc-peers.ts";
import { until } from "../until.ts";
import {
  dialTcp,
  type EveryLevel,
  type EveryLevelChange,
  helloOf,
  untilClosed,
  withEveryLevel,
} from "./every-level.ts";
import { heldMemory, openDescriptors, TELLS_MEMORY } from "./held-memory.ts";

const SLOW = 500;
/** `TAUTLINE_HANDSHAKES=10000` fails as many as issue and threat name (A15). */
const FAILED_HANDSHAKES = Number(process.env["TAUTLINE_HANDSHAKES"] ?? 1_000);
const HANDSHAKES_AT_ONCE = 32;
const QUIET_CALLS = 400;
const DRIP_MS = 500;
const MIB = 1024 * 1024;
/** What a collection leaves: tables and caches that grow once. */
const MAY_HOLD = 10 * MIB;
const TOO_LONG = 100 * MIB;
const GOOD = 4;
/** As many as make 60 failed attempts, which is what a source has in a minute unless told. */
const ABUSIVE = 3;

interface Scene {
  readonly central: EveryLevel;
  readonly port: number;
  readonly root: Buffer;
  readonly token: string;
  readonly good: readonly GrpcCaller[];
}

/** Central with a receiver, a backend, and programs that call with a token. */
async function withReceiver(
  use: (scene: Scene) => Promise<void>,
  change: Pick<EveryLevelChange, "failedAttempts"> = {},
): Promise<void> {
  await withEveryLevel(
    async (central) => {
      await using echo = await startEcho();
      const { addresses } = await central.call<{ addresses: readonly string[] }>(
        "PUT",
        "/api/v1/listeners/receiver",
        { bind: "public", port: 0 },
      );
      const port = Number(addresses[0]?.split(":").pop());
      const targets = [`127.0.0.1:${echo.port}`];
      await central.call("POST", "/api/v1/backends", { name: "echo", targets });
      const order = { name: "shop" };
      const { token } = await central.call<{ token: string }>("POST", "/api/v1/clients", order);
      const root = await rootOf(central);
      const good = Array.from({ length: GOOD }, () => grpcCaller(port, tlsCredentials(root)));
      try {
        await use({ central, port, root, token, good });
      } finally {
        for (const caller of good) caller[Symbol.dispose]();
      }
    },
    { handshakeTimeout: "5s", env: TELLS_MEMORY, ...change },
  );
}

async function rootOf(central: EveryLevel): Promise<Buffer> {
  const trust = await central.call<{ roots: readonly { pem: string }[] }>("GET", "/api/v1/trust");
  return Buffer.from(trust.roots.map(({ pem }) => pem).join(""));
}

/** @returns how long it took, in milliseconds */
async function callOnce(caller: GrpcCaller, token: string): Promise<number> {
  const began = performance.now();
  const { status, details, message } = await caller.call("telemetry", { authentication: token });
  assert.deepEqual([status, message?.toString()], ["OK", "telemetry"], details);
  return performance.now() - began;
}

/** Programs in order call all the while; every call has to come back whole. */
async function whileCalling(
  { good, token }: Scene,
  work: () => Promise<void>,
): Promise<readonly number[]> {
  const state = { isOver: false };
  const took: number[] = [];
  const calling = good.map(async (caller) => {
    while (!state.isOver) took.push(await callOnce(caller, token));
  });
  try {
    await Promise.race([work(), ...calling.map(refuseToEnd)]);
  } finally {
    state.isOver = true;
  }
  await Promise.all(calling);
  return took;
}

/** A caller that fails ends the work; one that only ends does not. */
async function refuseToEnd(calling: Promise<void>): Promise<void> {
  await calling;
  await new Promise<void>(() => {});
}

function p99(took: readonly number[]): string {
  const sorted = took.toSorted((left, right) => left - right);
  return `${(sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(1)} ms of ${took.length}`;
}

async function quietCalls({ good, token }: Scene): Promise<readonly number[]> {
  const each = good.map(async (caller) => {
    const took: number[] = [];
    for (let call = 0; call < QUIET_CALLS / GOOD; call += 1)
      took.push(await callOnce(caller, token));
    return took;
  });
  return (await Promise.all(each)).flat();
}

async function dialSecured({ port, root }: Scene, protocol: string): Promise<TLSSocket> {
  const socket = connectTls({
    host: "127.0.0.1",
    port,
    ca: root,
    servername: "localhost",
    ALPNProtocols: [protocol],
  });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async function saying(stream: Duplex, bytes: Uint8Array | string): Promise<Duplex> {
  stream.write(bytes);
  return stream;
}

async function slowOnes(scene: Scene): Promise<readonly (() => Promise<Duplex>)[]> {
  const hello = await helloOf({ ALPNProtocols: ["h2"] });
  const secured = (protocol: string) => dialSecured(scene, protocol);
  return [
    () => dialTcp(scene.port),
    async () => saying(await dialTcp(scene.port), hello.subarray(0, hello.length / 2)),
    async () => saying(await dialTcp(scene.port), hello),
    () => secured("h2"),
    async () => saying(await secured("h2"), PREFACE.slice(0, 9)),
    async () => saying(await secured("h2"), PREFACE),
    () => secured("http/1.1"),
    async () => dripping(await secured("http/1.1")),
  ];
}

/** One header after the other, and never the last. */
function dripping(stream: Duplex): Duplex {
  stream.write("POST /v1/traces HTTP/1.1\r\nhost: localhost\r\n");
  const timer = setInterval(() => stream.write("x: y\r\n"), DRIP_MS);
  stream.once("close", () => clearInterval(timer));
  return stream;
}

async function slow(scene: Scene): Promise<void> {
  const begin = await slowOnes(scene);
  const closing: Promise<unknown>[] = [];
  for (let index = 0; index < SLOW; index += 1) {
    const one = begin[index % begin.length];
    if (one !== undefined) closing.push(untilClosed(await one()));
  }
  await Promise.all(closing);
}

/** Refused by their TLS version: one that costs central a handshake's beginning and no more. */
async function failHandshakes({ port }: Scene): Promise<void> {
  let left = FAILED_HANDSHAKES;
  const lanes = Array.from({ length: HANDSHAKES_AT_ONCE }, async () => {
    while (left > 0) {
      left -= 1;
      const at = { host: "127.0.0.1", port, rejectUnauthorized: false };
      const socket = connectTls({ ...at, maxVersion: "TLSv1.2", minVersion: "TLSv1.2" });
      socket.once("secureConnect", () => assert.fail("TLS 1.2 is let in"));
      socket.on("error", () => {});
      await closeOf(socket);
    }
  });
  await Promise.all(lanes);
}

/** How it ends is not the question. */
function closeOf(what: EventEmitter): Promise<void> {
  return new Promise((resolve) => what.once("close", () => resolve()));
}

async function openSession({ port, root }: Scene): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://localhost:${port}`, { ca: root });
  session.on("error", () => {});
  await once(session, "connect");
  return session;
}

const callHeaders = (token: string) => ({
  ":method": "POST",
  ":path": ECHO,
  "content-type": "application/grpc",
  te: "trailers",
  authentication: token,
});

/** Sends one message that is too long, as far as anybody takes it. */
async function sendTooLong(scene: Scene): Promise<void> {
  const session = await openSession(scene);
  const stream = session.request(callHeaders(scene.token));
  stream.on("error", () => {});
  const status = new Promise<unknown>((resolve) => {
    stream.on("response", (headers) => resolve(headers["grpc-status"]));
    stream.on("trailers", (trailers) => resolve(trailers["grpc-status"]));
  });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(TOO_LONG, 1);
  stream.resume().write(Buffer.concat([prefix, Buffer.alloc(MIB)]));
  assert.equal(await status, "8", "RESOURCE_EXHAUSTED");
  session.destroy();
}

/** Opens calls and takes them back at once, until the connection is ended (CVE-2023-44487). */
async function resetRapidly(scene: Scene, session: ClientHttp2Session): Promise<void> {
  const closed = closeOf(session);
  const most = 40 * CARRY_LIMITS.cancelsBurst.value;
  for (let opened = 0; opened < most && !session.closed && !session.destroyed; opened += 1) {
    const stream = session.request(callHeaders(scene.token));
    stream.on("error", () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (opened % 100 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await closed;
}

const ABUSES: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
  [`F13: ${SLOW} slow callers`, slow],
  [`A15: ${FAILED_HANDSHAKES} failed handshakes`, failHandshakes],
  ["F15: a message of 100 MiB", sendTooLong],
  ["F15, A29: rapid resets", async (scene) => resetRapidly(scene, await openSession(scene))],
];

async function abuse(t: TestContext, scene: Scene): Promise<void> {
  const before = {
    descriptors: openDescriptors(scene.central),
    bytes: await heldMemory(scene.central.process),
  };
  t.diagnostic(`undisturbed: p99 ${p99(await quietCalls(scene))}`);
  for (const [what, begin] of ABUSES) {
    const took = await whileCalling(scene, () => begin(scene));
    t.diagnostic(`${what}: p99 ${p99(took)}`);
  }
  // The connections of programs in order, and of the backend's, were there before.
  await until(async () =>
    openDescriptors(scene.central) <= before.descriptors + 2 * GOOD ? true : undefined,
  );
  const kept = (await heldMemory(scene.central.process)) - before.bytes;
  t.diagnostic(`holds ${(kept / MIB).toFixed(1)} MiB more than before`);
  assert.ok(kept <= MAY_HOLD, `${kept} bytes`);
}

/** From another address of loopback than all others. */
async function openElsewhere({ port, root }: Scene): Promise<ClientHttp2Session> {
  const to = { host: "127.0.0.1", localAddress: "127.0.0.2", port };
  const socket = connectTls({ ...to, ca: root, servername: "localhost", ALPNProtocols: ["h2"] });
  const session = connectHttp2("https://localhost", { createConnection: () => socket });
  session.on("error", () => {});
  await once(session, "connect");
  return session;
}

/** @returns what a connection from elsewhere is told by GOAWAY; undefined where its call is taken */
async function wordsTo(scene: Scene): Promise<string | undefined> {
  const session = await openElsewhere(scene);
  const told = new Promise<string>((resolve) => {
    session.once("goaway", (_code, _last, words) => resolve(String(words)));
  });
  const stream = session.request(callHeaders(scene.token));
  stream.on("error", () => {});
  const taken = new Promise<undefined>((resolve) => {
    stream.once("trailers", () => resolve(undefined));
  });
  stream.resume().end(Buffer.alloc(5));
  const words = await Promise.race([told, taken]);
  session.destroy();
  return words;
}

describe("the port for telemetry under abuse", () => {
  it("A29, F15: a source whose connections were abusive is told to wait, and its connections end with that; others go on", () =>
    withReceiver(
      async (scene) => {
        for (let connection = 0; connection < ABUSIVE; connection += 1) {
          await resetRapidly(scene, await openElsewhere(scene));
        }
        // What the last of them did is counted when central has seen it go.
        const words = await until(() => wordsTo(scene));
        assert.match(words, /admission\.source_limited/);
        const [first] = scene.good;
        assert.ok(first !== undefined);
        await callOnce(first, scene.token);
      },
      { failedAttempts: 60 },
    ));

  it("F13, F15, A15, A29: slow callers, failed handshakes, messages too long and rapid resets end no call of programs in order, and leave nothing behind", (t) =>
    withReceiver(async (scene) => {
      await quietCalls(scene);
      await abuse(t, scene);
    }));
});
