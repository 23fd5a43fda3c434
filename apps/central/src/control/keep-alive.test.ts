import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { listenOnAnyPort } from "@tautline/testing";
import { WebSocket, WebSocketServer } from "ws";
import { keepAlive } from "./keep-alive.ts";

/** No clock runs in these tests: they tick it themselves. */
const EVERY_MS = 30_000;

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
  it("ends the link of a peer that answers no ping", (t) =>
    withPair(false, async (client, server) => {
      t.mock.timers.enable({ apis: ["setInterval"] });
      const closed = once(client, "close");
      keepAlive(server, EVERY_MS);
      t.mock.timers.tick(EVERY_MS);
      assert.equal(server.readyState, WebSocket.OPEN);
      t.mock.timers.tick(EVERY_MS);
      const [code] = (await closed) as [number];
      assert.equal(code, 1006);
    }));

  it("leaves the link of a peer that answers alone, ping after ping", (t) =>
    withPair(true, async (client, server) => {
      t.mock.timers.enable({ apis: ["setInterval"] });
      const stop = keepAlive(server, EVERY_MS);
      for (let count = 0; count < 10; count += 1) {
        const answered = once(server, "pong");
        t.mock.timers.tick(EVERY_MS);
        await answered;
      }
      assert.equal(client.readyState, WebSocket.OPEN);
      stop();
      assert.equal(server.readyState, WebSocket.OPEN);
    }));
});
