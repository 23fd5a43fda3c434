import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { startTcpRelay } from "@tautline/testing";
import {
  answerGrpc,
  call,
  grpcMessage,
  placeAt,
  startCarryScene,
  startHttp2Backend,
  upstreamsTo,
} from "../../test/carry-scene.ts";
import type { UpstreamState } from "./upstreams.ts";

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** A port at which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("a backend that listens nowhere: trailers only, 14 UNAVAILABLE, with cause and remedy (SWP-5)", async () => {
  const upstreams = upstreamsTo([await deadPort()]);
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial());
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["grpc-status"], "14");
  const message = decodeURIComponent(String(answer.headers["grpc-message"]));
  assert.match(
    message,
    /^No backend for this call can be reached.*nothing listens there.*Start the backend/s,
  );
  assert.equal(scene.records[0]?.failure?.code, "carry.no_upstream");
  const [state] = upstreams.states();
  assert.equal(state?.state, "out");
  assert.equal(state.error?.code, "link.unreachable");
  await upstreams.stop(0);
});

test("the first place that works gets every call, and the one before it once it is back", async () => {
  const first = await deadPort();
  await using second = await startHttp2Backend((stream) => answerGrpc(stream, "second"));
  const changes: UpstreamState[] = [];
  const back = Promise.withResolvers<void>();
  const upstreams = upstreamsTo([first, second.port], {
    firstRetryMs: 5,
    longestRetryMs: 10,
    onState: (state) => {
      changes.push(state);
      if (state.name === `backend-${first}` && state.state === "ready") back.resolve();
    },
  });
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  assert.equal(String((await call(session)).body.subarray(5)), "second");
  assert.equal(scene.records[0]?.place, `backend-${second.port}`);
  await using _again = await startHttp2Backend((stream) => answerGrpc(stream, "first"), {
    port: first,
  });
  await back.promise;
  assert.equal(String((await call(session)).body.subarray(5)), "first");
  await upstreams.stop(0);
});

test("a backend that is killed in the middle of a call: the call ends with 14, the process lives, and the next call is dialled anew", async () => {
  const asked = Promise.withResolvers<void>();
  let kill = true;
  await using backend = await startHttp2Backend((stream) => {
    if (!kill) return answerGrpc(stream);
    kill = false;
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write(grpcMessage("half of an answer").subarray(0, 9));
    asked.resolve();
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  const calling = call(session);
  await asked.promise;
  for (const socket of backend.sockets) socket.resetAndDestroy();
  const answer = await calling;
  const told = { ...answer.headers, ...answer.trailers };
  assert.equal(told["grpc-status"], "14");
  assert.match(
    decodeURIComponent(String(told["grpc-message"])),
    /was lost in the middle of a call/,
  );
  assert.equal(scene.records[0]?.failure?.code, "carry.upstream_lost");
  assert.equal((await call(session)).trailers["grpc-status"], "0");
  await upstreams.stop(0);
});

test("a call that the backend refused unread is sent again elsewhere; one that it took in is not", async () => {
  let refused = 0;
  await using refusing = await startHttp2Backend((stream) => {
    refused += 1;
    stream.close(refused === 1 ? NGHTTP2_REFUSED_STREAM : NGHTTP2_INTERNAL_ERROR);
  });
  const upstreams = upstreamsTo([refusing.port]);
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial());
  assert.equal(refused, 2, "once refused, once taken in");
  assert.equal(
    answer.resetCode,
    NGHTTP2_INTERNAL_ERROR,
    "the reset of the backend passes unchanged",
  );
  assert.equal(scene.records[0]?.failure?.code, "carry.upstream_reset");
  await upstreams.stop(0);
});

test("a body that is longer than what is kept is not sent twice: the caller sees REFUSED_STREAM and may try itself", async () => {
  await using refusing = await startHttp2Backend((stream) => {
    let bytes = 0;
    stream.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > 100_000) stream.close(NGHTTP2_REFUSED_STREAM);
    });
  });
  const upstreams = upstreamsTo([refusing.port]);
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial(), {}, grpcMessage(Buffer.alloc(200_000)));
  assert.equal(answer.resetCode, NGHTTP2_REFUSED_STREAM);
  await upstreams.stop(0);
});

test("a backend that says GOAWAY gets no further calls on that connection, and those it has end in order", async () => {
  const held: (() => void)[] = [];
  await using backend = await startHttp2Backend((stream) => {
    held.push(() => answerGrpc(stream));
    if (held.length === 1) stream.session?.close();
    if (held.length === 2) for (const answer of held) answer();
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  const first = call(session);
  while (upstreams.states()[0]?.state !== "idle") await new Promise(setImmediate);
  const second = call(session);
  assert.equal((await first).trailers["grpc-status"], "0");
  assert.equal((await second).trailers["grpc-status"], "0");
  assert.equal(backend.sessions.length, 2);
  await upstreams.stop(0);
});

test("a backend that ends the connection for too many pings is named so", async () => {
  await using backend = await startHttp2Backend((stream) => {
    stream.session?.goaway(
      NGHTTP2_ENHANCE_YOUR_CALM,
      stream.id ?? 0,
      Buffer.from("too_many_pings"),
    );
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial());
  assert.equal(answer.headers["grpc-status"], "14");
  assert.match(String(scene.records[0]?.failure?.message), /GOAWAY ENHANCE_YOUR_CALM/);
  await upstreams.stop(0);
});

test("what answers with something else than HTTP/2 is named so", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstreams = upstreamsTo([(server.address() as AddressInfo).port]);
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial());
  assert.equal(answer.headers["grpc-status"], "14");
  assert.equal(upstreams.states()[0]?.error?.code, "carry.upstream_malformed");
  server.close();
  await upstreams.stop(0);
});

test("a backend that never says a word is out after the time for connecting", async () => {
  const server = createServer((socket) => void socket.on("error", () => {}).resume()).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const upstreams = upstreamsTo([(server.address() as AddressInfo).port], { connectTimeoutMs: 50 });
  await using scene = await startCarryScene(upstreams);
  assert.equal((await call(scene.dial())).headers["grpc-status"], "14");
  assert.equal(upstreams.states()[0]?.error?.code, "carry.upstream_silent");
  server.close();
  await upstreams.stop(0);
});

test("a backend that answers no ping while calls wait is given up, and its calls end", async () => {
  let isSilent = false;
  await using backend = await startHttp2Backend(() => (isSilent = true));
  const pass = (bytes: Buffer): Buffer => (isSilent ? Buffer.alloc(0) : bytes);
  await using relay = await startTcpRelay({ toPort: backend.port, up: pass, down: pass });
  const upstreams = upstreamsTo([relay.port], { keepaliveMs: 20, keepaliveTimeoutMs: 50 });
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial());
  assert.equal(answer.headers["grpc-status"], "14");
  assert.equal(scene.records[0]?.failure?.code, "carry.upstream_silent");
  await upstreams.stop(0);
});

test("a backend that ends in order with a call open: the call ends with 14 and not as if it were whole", async () => {
  await using backend = await startHttp2Backend((stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.write(grpcMessage("half of an answer").subarray(0, 9));
    setImmediate(() => stream.session?.destroy());
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial());
  assert.equal(answer.trailers["grpc-status"], "14", JSON.stringify(answer));
  await upstreams.stop(0);
});

test("more calls than the backend takes on a connection get another connection", async () => {
  const waiting: (() => void)[] = [];
  await using backend = await startHttp2Backend(
    (stream) => {
      waiting.push(() => answerGrpc(stream));
      if (waiting.length === 6) for (const answer of waiting) answer();
    },
    { maxConcurrentStreams: 2 },
  );
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  const calls: Promise<unknown>[] = [];
  for (let at = 0; at < 6; at += 1) {
    calls.push(call(session));
    while (upstreams.states()[0]?.calls !== at + 1) await new Promise(setImmediate);
  }
  await Promise.all(calls);
  assert.equal(backend.sessions.length, 3);
  await upstreams.stop(0);
});

test("a check connects without a call, and says why nothing works", async () => {
  await using backend = await startHttp2Backend((stream) => answerGrpc(stream));
  const good = upstreamsTo([backend.port]);
  await good.check(AbortSignal.timeout(5_000));
  assert.equal(good.states()[0]?.state, "ready");
  await good.stop(0);
  const bad = upstreamsTo([await deadPort()]);
  await assert.rejects(bad.check(AbortSignal.timeout(5_000)), { code: "carry.no_upstream" });
  await bad.stop(0);
});

test("what connecting itself says is why: of a place whose level is refused, the refusal", async () => {
  const detail = { address: "b:1" };
  const place = {
    ...placeAt(1),
    connect: () => Promise.reject(new TautlineError("link.handshake_cut", { detail })),
  };
  const upstreams = upstreamsTo([], { places: [place] });
  await using scene = await startCarryScene(upstreams);
  await call(scene.dial());
  assert.equal(upstreams.states()[0]?.error?.code, "link.handshake_cut");
  await upstreams.stop(0);
});
