import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import {
  call,
  startCarryScene,
  startHttp2Backend,
  upstreamsTo,
  type CarryScene,
} from "../../test/carry-scene.ts";

interface Backend extends AsyncDisposable {
  readonly port: number;
}

async function startHttp1Backend(listener: RequestListener): Promise<Backend> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      server.close();
      return Promise.resolve();
    },
  };
}

async function bodyOf(stream: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of stream) text += String(part);
  return text;
}

interface Told {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

async function post(
  scene: CarryScene,
  path: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const asking = request({
    port: scene.port,
    host: "127.0.0.1",
    path,
    method: "POST",
    headers,
    agent: false,
  });
  asking.on("error", () => {});
  asking.end(body);
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await bodyOf(answer) };
}

/** Tells in its answer what it got. */
const echo: RequestListener = (got, answer) => {
  bodyOf(got).then(
    (body) => tell(got, answer, body),
    // Its caller broke off.
    () => {},
  );
};

function tell(got: IncomingMessage, answer: ServerResponse, body: string): void {
  answer.setHeader("x-echo", "1");
  answer.setHeader("set-cookie", ["a=1", "b=2"]);
  answer.setHeader("connection", "x-hop");
  answer.setHeader("x-hop", "of this connection");
  answer.end(JSON.stringify({ method: got.method, url: got.url, headers: got.headers, body }));
}

test("OTLP/HTTP and SkyWalking's /v3 by HTTP/1.1 to a backend of HTTP/1.1: path, query, headers and body as they were", async () => {
  await using backend = await startHttp1Backend(echo);
  const upstreams = upstreamsTo([backend.port], { protocol: "http/1.1" });
  await using scene = await startCarryScene(upstreams);
  const headers = {
    "content-type": "application/x-protobuf",
    "x-hop-too": "1",
    connection: "x-hop-too",
  };
  const told = await post(scene, "/v1/traces?a=b%20c", "spans", headers);
  const got = JSON.parse(told.body) as {
    method: string;
    url: string;
    body: string;
    headers: Record<string, string>;
  };
  assert.deepEqual([got.method, got.url, got.body], ["POST", "/v1/traces?a=b%20c", "spans"]);
  assert.equal(got.headers["content-type"], "application/x-protobuf");
  assert.equal(got.headers["content-length"], "5");
  assert.equal(got.headers["host"], `127.0.0.1:${backend.port}`);
  assert.equal(got.headers["x-hop-too"], undefined);
  assert.equal(told.headers["x-echo"], "1");
  assert.equal(told.headers["x-hop"], undefined);
  assert.deepEqual(told.headers["set-cookie"], ["a=1", "b=2"]);
  const record = scene.records[0];
  assert.deepEqual([record?.httpStatus, record?.isGrpc, record?.requestBytes], [200, false, 5]);
  assert.equal(record?.failure, undefined);
  await upstreams.stop(0);
});

test("a chunked body stays a stream, is read while it is sent, and expect: 100-continue is answered", async () => {
  const first = Promise.withResolvers<void>();
  await using backend = await startHttp1Backend((got, answer) => {
    got.once("data", () => first.resolve());
    echo(got, answer);
  });
  const upstreams = upstreamsTo([backend.port], { protocol: "http/1.1" });
  await using scene = await startCarryScene(upstreams);
  const headers = { expect: "100-continue", "transfer-encoding": "chunked" };
  const asking = request({ port: scene.port, path: "/v3/segments", method: "POST", headers });
  asking.flushHeaders();
  await once(asking, "continue");
  asking.write("one ");
  await first.promise;
  asking.end("two");
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  const got = JSON.parse(await bodyOf(answer)) as { body: string; headers: Record<string, string> };
  assert.equal(got.body, "one two");
  assert.equal(got.headers["expect"], undefined);
  assert.equal(got.headers["transfer-encoding"], "chunked");
  await upstreams.stop(0);
});

test("HTTP/1.1 to a backend of HTTP/2, and HTTP/2 to one of HTTP/1.1", async () => {
  await using second = await startHttp2Backend((stream, headers) => {
    stream.respond({ ":status": 202, "x-path": headers[":path"], "x-host": headers[":authority"] });
    stream.end("by two");
    stream.resume();
  });
  await using first = await startHttp1Backend(echo);
  const toSecond = upstreamsTo([second.port]);
  const toFirst = upstreamsTo([first.port], { protocol: "http/1.1" });
  await using scene = await startCarryScene(({ path }) => ({
    to: path === "/second" ? toSecond : toFirst,
  }));
  const told = await post(scene, "/second", "body");
  assert.deepEqual([told.status, told.body, told.headers["x-path"]], [202, "by two", "/second"]);
  const plain = { "content-type": "text/plain", ":path": "/first", te: "trailers" };
  const answer = await call(scene.dial(), plain, Buffer.from("hello"));
  assert.equal(answer.status, 200);
  assert.match(String(answer.body), /"body":"hello"/);
  assert.doesNotMatch(String(answer.body), /"te"/);
  await toSecond.stop(0);
  await toFirst.stop(0);
});

test("connections with a backend of HTTP/1.1 are kept, and a backend that is away is 503 with cause and remedy", async () => {
  let connections = 0;
  await using backend = await startHttp1Backend(echo);
  const upstreams = upstreamsTo([backend.port], {
    protocol: "http/1.1",
    onState: () => (connections += 1),
  });
  await using scene = await startCarryScene(upstreams);
  for (let at = 0; at < 5; at += 1) assert.equal((await post(scene, "/a", "x")).status, 200);
  assert.equal(upstreams.states()[0]?.state, "ready");
  assert.equal(connections, 2, "connecting, ready");
  await backend[Symbol.asyncDispose]();
  await upstreams.stop(0);
  const away = upstreamsTo([backend.port], { protocol: "http/1.1" });
  await using other = await startCarryScene(away);
  const told = await post(other, "/a", "x");
  assert.equal(told.status, 503);
  assert.equal(told.headers["content-type"], "application/problem+json");
  assert.match(told.body, /"code":"carry.no_upstream"/);
  await away.stop(0);
});

test("a refusal of the judge is a problem document, and the connection goes on", async () => {
  await using scene = await startCarryScene(() => ({
    refusal: new TautlineError("carry.method_refused", { detail: { method: "POST" } }),
  }));
  const told = await post(scene, "/a", "some body");
  assert.equal(told.status, 405);
  assert.match(told.body, /"remedy"/);
});

test("an answer that breaks off is not taken for whole, by HTTP/1.1 and by HTTP/2", async () => {
  await using backend = await startHttp1Backend((got, answer) => {
    got.resume();
    answer.writeHead(200, { "content-length": "1000" });
    answer.write("half");
    setImmediate(() => answer.destroy());
  });
  const upstreams = upstreamsTo([backend.port], { protocol: "http/1.1" });
  await using scene = await startCarryScene(upstreams);
  await assert.rejects(post(scene, "/a", "x"), { code: "ECONNRESET" });
  assert.equal(scene.records[0]?.failure?.code, "carry.upstream_lost");
  const answer = await call(scene.dial(), { "content-type": "text/plain" });
  assert.notEqual(answer.resetCode, 0);
  await upstreams.stop(0);
});

test("a body over its limit is 413, and a request in which nothing moves is 408", async () => {
  await using backend = await startHttp1Backend(echo);
  const upstreams = upstreamsTo([backend.port], { protocol: "http/1.1" });
  await using scene = await startCarryScene(() => ({
    to: upstreams,
    limits: { bodyBytes: 1_000, silentMs: 50 },
  }));
  assert.equal((await post(scene, "/a", Buffer.alloc(1_000))).status, 200);
  assert.equal((await post(scene, "/a", Buffer.alloc(1_001))).status, 413);
  const asking = request({ port: scene.port, path: "/a", method: "POST", agent: false });
  asking.on("error", () => {});
  asking.write("and then nothing");
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  assert.equal(answer.statusCode, 408);
  answer.resume();
  await upstreams.stop(0);
});

test("what smuggles a second request, asks for a tunnel, or means two paths is refused", async () => {
  let judged = 0;
  const upstreams = upstreamsTo([]);
  await using scene = await startCarryScene(() => {
    judged += 1;
    return { to: upstreams };
  });
  const bad = {
    "both lengths":
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths":
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "a bare line feed": "POST /a HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
    "no host": "POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "a path upwards": "POST /v1/../v3 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "a path upwards, encoded":
      "POST /v1/%2e%2E/v3 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "an absolute form": "POST http://b/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    TRACE: "TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n",
  };
  for (const [what, bytes] of Object.entries(bad)) {
    const socket = scene.dialBare();
    let text = "";
    socket.on("data", (part) => (text += String(part)));
    socket.write(bytes);
    socket.end();
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    assert.match(text, /^HTTP\/1\.1 40[05] /, what);
  }
  const tunnel = scene.dialBare();
  tunnel.resume();
  tunnel.write("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
  await new Promise<void>((resolve) => tunnel.once("close", () => resolve()));
  assert.equal(judged, 0);
});

test("gRPC by HTTP/1.1, or to a backend of HTTP/1.1, is refused in words", async () => {
  const upstreams = upstreamsTo([], { protocol: "http/1.1" });
  await using scene = await startCarryScene(upstreams);
  const told = await post(scene, "/a.B/c", "", { "content-type": "application/grpc" });
  assert.equal(told.status, 400);
  assert.match(told.body, /carry\.wants_http2/);
  const answer = await call(scene.dial());
  assert.equal(answer.headers["grpc-status"], "3");
});

test("stopping lets open calls end, and takes no more", async () => {
  const waiting = Promise.withResolvers<() => void>();
  await using backend = await startHttp1Backend((got, answer) => {
    got.resume();
    waiting.resolve(() => answer.end("whole"));
  });
  const upstreams = upstreamsTo([backend.port], { protocol: "http/1.1" });
  await using scene = await startCarryScene(upstreams);
  const asked = post(scene, "/a", "x");
  const answer = await waiting.promise;
  const stopped = Promise.all([scene.carrier.stop(5_000), upstreams.stop(5_000)]);
  answer();
  assert.equal((await asked).body, "whole");
  await stopped;
});
