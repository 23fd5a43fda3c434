import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { constants } from "node:http2";
import { test } from "node:test";
import {
  answerGrpc,
  call,
  grpcMessage,
  startCarryScene,
  startHttp2Backend,
  upstreamsTo,
} from "../../test/carry-scene.ts";

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM } = constants;
const MIB = 1024 * 1024;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A frame of HTTP/2 (RFC 9113 section 4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Also of what is closed with an error. */
function closeOf(end: EventEmitter & { readonly destroyed: boolean }): Promise<void> {
  if (end.destroyed) return Promise.resolve();
  return new Promise((resolve) => end.once("close", () => resolve()));
}

const SETTINGS = frame(4, 0, 0, Buffer.alloc(0));
/** :method POST, :scheme http, :path / of the static table, and :authority a (RFC 7541 appendix A). */
const HEAD = Buffer.from([0x83, 0x86, 0x84, 0x41, 0x01, 0x61]);
const PING = frame(6, 0, 0, Buffer.alloc(8));

test("F15: of a gRPC message of 100 MB nothing but its beginning is taken; it ends with 8 RESOURCE_EXHAUSTED, and so does an answer", async () => {
  let largest = 0;
  let answers = grpcMessage("small");
  await using backend = await startHttp2Backend((stream) => {
    let bytes = 0;
    stream.on("data", (part: Buffer) => (largest = Math.max(largest, (bytes += part.length))));
    stream.on("end", () => stream.respond({ ":status": 200, "content-type": "application/grpc" }));
    stream.on("end", () => stream.write(answers));
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  const before = process.memoryUsage().rss;
  const beginning = Buffer.alloc(64 * 1024);
  beginning.writeUInt32BE(100 * 1000 * 1000, 1);
  const refused = await call(session, {}, beginning);
  assert.equal(refused.headers["grpc-status"], "8");
  assert.match(decodeURIComponent(String(refused.headers["grpc-message"])), /100000000 bytes/);
  assert.equal(scene.records[0]?.failure?.code, "carry.message_too_large");
  assert.equal(largest, 0, "what is over the limit is not passed on");
  answers = Buffer.concat([grpcMessage("whole"), beginning]);
  const answered = await call(session);
  assert.equal(answered.trailers["grpc-status"], "8");
  assert.ok(process.memoryUsage().rss - before < 50 * MIB);
  await upstreams.stop(0);
});

test("messages of 50 MiB pass with the connection's memory as it was (SW-9), one byte more does not", async () => {
  await using backend = await startHttp2Backend((stream) => answerGrpc(stream));
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  const largest = Buffer.alloc(50 * MIB);
  assert.equal((await call(session, {}, grpcMessage(largest))).trailers["grpc-status"], "0");
  assert.equal(scene.records[0]?.requestMessages, 1);
  const over = Buffer.alloc(5);
  over.writeUInt32BE(50 * MIB + 1, 1);
  assert.equal((await call(session, {}, over)).headers["grpc-status"], "8");
  await upstreams.stop(0);
});

test("F15: rapid reset: the connection is ended with ENHANCE_YOUR_CALM, others do not notice, and no call stays at the backend", async () => {
  const open = new Set<unknown>();
  await using backend = await startHttp2Backend((stream, headers) => {
    if (headers["x-wait"] === undefined) return answerGrpc(stream);
    open.add(stream);
    stream.on("close", () => open.delete(stream));
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams, {
    limits: { cancelsBurst: 100, cancelsPerSecond: 10 },
  });
  const good = scene.dial();
  assert.equal((await call(good)).trailers["grpc-status"], "0");
  const bad = scene.dial();
  const gone = new Promise((resolve) => bad.once("goaway", resolve));
  const closed = closeOf(bad);
  let cancelled = 0;
  bad.on("goaway", () => (cancelled = Number.POSITIVE_INFINITY));
  const again = (): void => {
    for (let at = 0; at < 20 && !bad.destroyed && !bad.closed; at += 1) {
      const stream = bad.request({
        ":method": "POST",
        ":path": "/a/b",
        "content-type": "application/grpc",
        "x-wait": "1",
      });
      stream.on("error", () => {});
      stream.close(NGHTTP2_CANCEL);
      cancelled += 1;
    }
    if (cancelled < 2_000) setImmediate(again);
  };
  again();
  assert.equal(await gone, NGHTTP2_ENHANCE_YOUR_CALM);
  await closed;
  assert.equal(await scene.connections[1]?.closed.then((reason) => reason?.code), "carry.abusive");
  assert.equal((await call(good)).trailers["grpc-status"], "0");
  while (open.size > 0) await new Promise(setImmediate);
  await upstreams.stop(0);
});

test("F15: rapid reset in one segment, before anybody looks at a call, ends the connection too", async () => {
  let calls = 0;
  await using backend = await startHttp2Backend(() => (calls += 1));
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams, {
    limits: { cancelsBurst: 50, cancelsPerSecond: 1 },
  });
  const socket = scene.dialBare();
  const frames: Buffer[] = [PREFACE, SETTINGS];
  for (let stream = 1; stream < 2_001; stream += 2) {
    frames.push(frame(1, 0x4, stream, HEAD), frame(3, 0, stream, Buffer.from([0, 0, 0, 8])));
  }
  socket.write(Buffer.concat(frames));
  socket.resume();
  await closeOf(socket);
  assert.equal((await scene.connections[0]?.closed)?.code, "carry.abusive");
  assert.ok(calls <= 50, `${calls} calls reached the backend`);
  await upstreams.stop(0);
});

test("A29: floods of PING, SETTINGS and CONTINUATION, and of headers, end the connection and take no memory", async () => {
  const continuation = frame(9, 0, 1, Buffer.alloc(1_024));
  const floods: Readonly<Record<string, Buffer>> = {
    PING: Buffer.concat(Array.from({ length: 5_000 }, () => PING)),
    SETTINGS: Buffer.concat(Array.from({ length: 5_000 }, () => SETTINGS)),
    CONTINUATION: Buffer.concat([
      frame(1, 0, 1, HEAD),
      ...Array.from({ length: 5_000 }, () => continuation),
    ]),
  };
  const upstreams = upstreamsTo([]);
  await using scene = await startCarryScene(upstreams);
  const before = process.memoryUsage().rss;
  for (const [name, flood] of Object.entries(floods)) {
    const socket = scene.dialBare();
    socket.resume();
    const closed = closeOf(socket);
    socket.write(Buffer.concat([PREFACE, SETTINGS, flood]));
    await closed;
    const reason = await scene.connections.at(-1)?.closed;
    assert.ok(reason !== undefined, `${name}: the connection ended in order`);
  }
  assert.ok(process.memoryUsage().rss - before < 50 * MIB);
});

test("F15: 10,000 headers are refused by HTTP/2 and by HTTP/1.1, and nothing of them reaches a judge", async () => {
  let judged = 0;
  const upstreams = upstreamsTo([]);
  await using scene = await startCarryScene(() => {
    judged += 1;
    return { to: upstreams };
  });
  const session = scene.dial();
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`x-${at}`, "1"]));
  const answer = await call(session, many);
  assert.notEqual(answer.headers["grpc-status"], "0");
  const socket = scene.dialBare();
  const lines = Object.keys(many).map((name) => `${name}: 1`);
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${lines.join("\r\n")}\r\n\r\n`);
  let text = "";
  socket.on("data", (part) => (text += String(part)));
  await closeOf(socket);
  assert.match(text, /^HTTP\/1\.1 431 /);
  assert.match(text, /carry\.headers_too_large/);
  assert.equal(judged, 0);
});

test("F13: who says nothing, half of a preface, half of a head, or only a preface, is cut in time; a slow caller beside a good one is not its affair", async () => {
  await using backend = await startHttp2Backend((stream) => answerGrpc(stream));
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams, { limits: { firstCallMs: 150 } });
  const beginnings = ["", "PRI * HT", "POST / HTTP/1.1\r\nHos", String(PREFACE) + String(SETTINGS)];
  const slow = beginnings.map((beginning) => {
    const socket = scene.dialBare();
    socket.resume();
    if (beginning !== "") socket.write(beginning);
    return closeOf(socket);
  });
  assert.equal((await call(scene.dial())).trailers["grpc-status"], "0");
  await Promise.all(slow);
  for (const connection of scene.connections.slice(0, beginnings.length)) {
    assert.equal((await connection.closed)?.code, "carry.no_first_call");
  }
  await upstreams.stop(0);
});

test("a connection without calls is ended after its time, with a word; one with a call is not", async () => {
  const waiting = Promise.withResolvers<() => void>();
  await using backend = await startHttp2Backend((stream, headers) => {
    if (headers["x-wait"] === undefined) answerGrpc(stream);
    else waiting.resolve(() => answerGrpc(stream));
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams, { limits: { idleMs: 60 } });
  const [idle, busy] = [scene.dial(), scene.dial()];
  const open = call(busy, { "x-wait": "1" });
  const answer = await waiting.promise;
  await call(idle);
  await closeOf(idle);
  assert.equal((await scene.connections[0]?.closed)?.code, "carry.idle");
  answer();
  assert.equal((await open).trailers["grpc-status"], "0");
  await upstreams.stop(0);
});

test("a caller that answers no ping is cut, and its call is cancelled at the backend", async () => {
  const cancelled = Promise.withResolvers<number>();
  await using backend = await startHttp2Backend((stream) => {
    stream.on("close", () => cancelled.resolve(stream.rstCode));
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams, {
    limits: { keepaliveMs: 30, keepaliveTimeoutMs: 40 },
  });
  const socket = scene.dialBare();
  // A call, and then not a byte more: pings are not answered.
  socket.write(Buffer.concat([PREFACE, SETTINGS, frame(1, 0x4, 1, HEAD)]));
  socket.resume();
  assert.equal(await cancelled.promise, NGHTTP2_CANCEL);
  assert.equal((await scene.connections[0]?.closed)?.code, "carry.caller_silent");
  await upstreams.stop(0);
});

test("calls beyond those at once wait at the caller, as HTTP/2 tells it", async () => {
  let open = 0;
  let most = 0;
  await using backend = await startHttp2Backend((stream) => {
    most = Math.max(most, (open += 1));
    stream.on("close", () => (open -= 1));
    answerGrpc(stream);
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams, { limits: { callsAtOnce: 4 } });
  const session = scene.dial();
  await once(session, "remoteSettings");
  await Promise.all(Array.from({ length: 40 }, () => call(session)));
  assert.ok(most <= 4, `${most} at once`);
  await upstreams.stop(0);
});

test("a caller that reads nothing holds no more than its window of an endless answer", async () => {
  let sent = 0;
  await using backend = await startHttp2Backend((stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    const more = (): void => {
      while (!stream.destroyed && stream.write(grpcMessage(Buffer.alloc(16_000)))) sent += 16_005;
    };
    stream.on("drain", more);
    more();
  });
  const upstreams = upstreamsTo([backend.port]);
  await using scene = await startCarryScene(upstreams);
  const session = scene.dial();
  const stream = session.request({
    ":method": "POST",
    ":path": "/a/b",
    "content-type": "application/grpc",
  });
  stream.on("error", () => {});
  stream.end(grpcMessage("all of it"));
  await once(stream, "response");
  stream.pause();
  // Until nothing has moved for a while.
  for (let before = -1; before !== sent;) {
    before = sent;
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
  }
  assert.ok(sent < 4 * MIB, `${sent} bytes`);
  stream.close(NGHTTP2_CANCEL);
  await upstreams.stop(0);
});
