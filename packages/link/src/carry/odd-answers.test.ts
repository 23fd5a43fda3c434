import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { call, startCarryScene, upstreamsTo } from "../../test/carry-scene.ts";

const CALL = { "content-type": "text/plain" };

/** What a caller of HTTP/2 sees of a backend that answers every connection with these bytes. */
async function answerTo(bytes: string, method = "POST"): Promise<Awaited<ReturnType<typeof call>>> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(bytes));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const upstreams = upstreamsTo([port], { protocol: "http/1.1" });
  await using scene = await startCarryScene(upstreams);
  const answer = await call(scene.dial(), { ...CALL, ":method": method }, Buffer.from("x"));
  server.close();
  await upstreams.stop(0);
  return answer;
}

test("a status that HTTP/2 does not have is an answer that is not understood, and ends no process", async () => {
  const answer = await answerTo("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n");
  assert.equal(answer.status, 502);
  assert.match(String(answer.body), /carry\.upstream_malformed/);
});

test("trailers that are about a connection stay on it, and those beside them pass", async () => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n";
  const answer = await answerTo(`${head}2\r\nhi\r\n0\r\nConnection: close\r\nX-Sum: 1\r\n\r\n`);
  assert.equal(String(answer.body), "hi");
  assert.equal(answer.trailers["x-sum"], "1");
  assert.equal(answer.trailers["connection"], undefined);
});

test("an answer without a body is one: 204, 304, and the answer to HEAD", async () => {
  assert.equal((await answerTo("HTTP/1.1 204 No Content\r\n\r\n")).status, 204);
  assert.equal((await answerTo("HTTP/1.1 304 Not Modified\r\n\r\n")).status, 304);
  const head = await answerTo("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD");
  assert.equal(head.headers["content-length"], "5");
  assert.equal(head.resetCode, 0);
});

test("what is no HTTP/1.1 at all is named so", async () => {
  const answer = await answerTo("SSH-2.0-hello\r\n");
  assert.equal(answer.status, 502);
  assert.match(String(answer.body), /carry\.upstream_malformed/);
});
