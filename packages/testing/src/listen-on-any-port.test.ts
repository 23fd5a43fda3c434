import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { listenOnAnyPort } from "./listen-on-any-port.ts";

test("two servers get two ports of the loopback interface", async () => {
  const first = await listenOnAnyPort(createServer());
  const second = await listenOnAnyPort(createServer());
  try {
    assert.equal(first.host, "127.0.0.1");
    assert.ok(first.port > 0);
    assert.notEqual(first.port, second.port);
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
});

test("close ends connections that are still open, and may be called twice", async () => {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  const { host, port, close } = await listenOnAnyPort(server);
  const client = connect({ host, port, allowHalfOpen: true });
  client.on("error", () => {}).resume();
  await Promise.all([once(client, "connect"), once(server, "connection")]);
  const ended = once(client, "close");
  await close();
  client.destroy();
  await ended;
  await close();
  assert.equal(server.listening, false);
});

test("an HTTP server answers on the port it was given", async () => {
  const server = createHttpServer((_, response) => response.end("here"));
  const { host, port, close } = await listenOnAnyPort(server);
  try {
    const answer = await fetch(`http://${host}:${port}/`);
    assert.equal(await answer.text(), "here");
  } finally {
    await close();
  }
});
