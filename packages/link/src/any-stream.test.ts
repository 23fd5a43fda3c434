import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { WebSocketServer } from "ws";
import { BARE_LEVELS, startBareHttp } from "../test/bare-http.ts";
import { postMessage, type PostOptions } from "./http-post.ts";
import { openWebSocket } from "./websocket.ts";

const rest: Omit<PostOptions, "socket"> = {
  path: "/v1/opamp",
  host: "central.test:8787",
  headers: {},
  body: Buffer.from([1, 2, 3]),
  maxBytes: 1_000,
};

for (const level of BARE_LEVELS) {
  test(`${level}: posts follow each other over the one link, whatever timers it has`, async () => {
    await using server = await startBareHttp(level);
    const hosts: (string | undefined)[] = [];
    server.http.on("request", (request, response) => {
      hosts.push(request.headers.host);
      request.resume().on("end", () => response.end(Buffer.alloc(hosts.length)));
    });
    const socket = await server.dial();
    for (const number of [1, 2, 3]) {
      const { status, body } = await postMessage({ ...rest, socket });
      assert.deepEqual([status, body.length], [200, number]);
    }
    assert.deepEqual([hosts, server.connections()], [hosts.map(() => "central.test:8787"), 1]);
    socket.destroy();
  });

  test(`${level}: a link that the other end ended between two posts shows it, and a post over it fails`, async () => {
    await using server = await startBareHttp(level);
    server.http.on("request", (request, response) => {
      request.resume().on("end", () => response.end("ok"));
    });
    const socket = await server.dial();
    await postMessage({ ...rest, socket });
    const ended = new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
    server.endAll();
    await ended;
    await assert.rejects(
      postMessage({ ...rest, socket, timeoutMs: 5_000 }),
      (error) => isTautlineError(error) && error.code === "link.broken",
    );
    assert.equal(server.connections(), 1);
  });

  test(`${level}: a WebSocket carries long messages both ways and ends with a close frame`, async () => {
    await using server = await startBareHttp(level);
    const upgrades = new WebSocketServer({ noServer: true });
    server.http.on("upgrade", (request, socket, head) => {
      assert.equal(request.headers.host, "central.test:8787");
      upgrades.handleUpgrade(request, socket, head, (websocket) => {
        websocket.on("message", (data) => websocket.send(data));
      });
    });
    const socket = await server.dial();
    const { path, host, headers } = rest;
    const websocket = await openWebSocket({
      socket,
      path,
      host,
      headers,
      maxMessageBytes: 400_000,
    });
    const long = Buffer.alloc(300_001, "a long way");
    const heard = once(websocket, "message");
    websocket.send(long);
    assert.ok((await heard)[0].equals(long));
    const closed = once(websocket, "close");
    websocket.close(1000);
    assert.equal((await closed)[0], 1000);
  });

  test(`${level}: a WebSocket that is refused shows what was answered`, async () => {
    await using server = await startBareHttp(level);
    server.http.on("upgrade", (_request, socket) =>
      socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"),
    );
    const socket = await server.dial();
    const { path, host, headers } = rest;
    await assert.rejects(
      openWebSocket({ socket, path, host, headers, maxMessageBytes: 1_000 }),
      (error) => isTautlineError(error) && error.detail["status"] === 426,
    );
    assert.ok(socket.destroyed);
  });
}
