import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { listenOnAnyPort } from "@tautline/testing";
import { WebSocket, WebSocketServer } from "ws";
import { keepAlive } from "./keep-alive.ts";

const EVERY_MS = 5;

async function withPair(
  autoPong: boolean,
  use: (client: WebSocket, server: WebSocket) => Promise<void>,
): Promise<void> {
  const http = createServer();
  const upgrader = new WebSocketServer({ server: http });
  const connected = once(upgrader, "connection") as Promise<[WebSocket]>;
  const { port, close } = await listenOnAnyPort(http);
  const client = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong });
  const [server] = await connected;
  try {
    await use(client, server);
  } finally {
    client.terminate();
    upgrader.close();
    await close();
  }
}

describe("keepAlive", () => {
  it("ends the link of a peer that answers no ping", () =>
    withPair(false, async (client, server) => {
      const closed = once(client, "close");
      keepAlive(server, EVERY_MS);
      const [code] = (await closed) as [number];
      assert.equal(code, 1006);
    }));

  it("leaves the link of a peer that answers alone, ping after ping", () =>
    withPair(true, async (client, server) => {
      const stop = keepAlive(server, EVERY_MS);
      for (let count = 0; count < 10; count += 1) await once(server, "pong");
      assert.equal(client.readyState, WebSocket.OPEN);
      stop();
      assert.equal(server.readyState, WebSocket.OPEN);
    }));
});
