import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { closeServer, listenOn } from "./listen.ts";

test("port 0 takes a free one and says which", async () => {
  const server = createServer((socket) => socket.end("hello"));
  const { host, port } = await listenOn(server, { host: "127.0.0.1", port: 0 });
  assert.equal(host, "127.0.0.1");
  assert.ok(port > 0);
  const [greeting] = (await once(connect(port, host), "data")) as [Buffer];
  assert.equal(greeting.toString(), "hello");
  await closeServer(server);
});

test("a port that is taken is Node's own error, for the caller to name", async () => {
  const first = createServer();
  const at = await listenOn(first, { host: "127.0.0.1", port: 0 });
  const second = createServer();
  await assert.rejects(listenOn(second, at), { code: "EADDRINUSE" });
  assert.equal(second.listenerCount("error"), 0, "it must not listen for errors for ever");
  await closeServer(first);
  await listenOn(second, at);
  await closeServer(second);
});

test("closing waits for the connections that stand, and a closed server is closed", async () => {
  const server = createServer();
  const { host, port } = await listenOn(server, { host: "127.0.0.1", port: 0 });
  const accepted = once(server, "connection");
  const client = connect(port, host);
  await accepted;
  let isClosed = false;
  const closed = closeServer(server).then(() => {
    isClosed = true;
    return isClosed;
  });
  await assert.rejects(once(connect(port, host), "connect"), { code: "ECONNREFUSED" });
  assert.equal(isClosed, false);
  client.destroy();
  assert.equal(await closed, true);
  await closeServer(server);
});
