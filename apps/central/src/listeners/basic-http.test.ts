import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { type BasicStream, createBasicAcceptor, openWebSocket } from "@tautline/link";
import { listenOnAnyPort } from "@tautline/testing";
import { WebSocketServer } from "ws";
import { drain } from "./drain.ts";
import { ask, closed, dialAtBasic, oneKey, request } from "./fixture-callers.test.ts";
import { createHttpServer, type HttpTimes, HTTP_TIMES } from "./http-server.ts";

const FAST = { headersMs: 20, requestMs: 40, idleMs: 20, checkMs: 5 };

interface BasicHttp {
  readonly http: Server;
  readonly caller: BasicStream;
  /** The same connection at the other end. */
  readonly accepted: BasicStream;
}

/** Gives `use` a caller at the level basic, whose stream an HTTP server was handed. */
async function withCaller(
  use: (ends: BasicHttp) => Promise<void>,
  times: HttpTimes = HTTP_TIMES,
): Promise<void> {
  const http = createHttpServer(times);
  http.on("request", (incoming, response) => {
    incoming.resume();
    incoming.on("end", () => response.end("done"));
  });
  const keys = oneKey();
  const taken = Promise.withResolvers<BasicStream>();
  const acceptor = createBasicAcceptor({
    findKeys: (identity) =>
      keys.find(identity).map(({ name, version, basicPsk: psk }) => ({ name, version, psk })),
    handshakeTimeoutMs: 10_000,
    now: Date.now,
    onSecured: ({ stream }) => {
      taken.resolve(stream);
      http.emit("connection", stream);
    },
    onFailed: taken.reject,
  });
  const accepting = createServer({ allowHalfOpen: true }, (socket) => {
    acceptor.emit("connection", socket);
  });
  const { port, close } = await listenOnAnyPort(accepting);
  const { stream: caller } = await dialAtBasic(port);
  try {
    await use({ http, caller, accepted: await taken.promise });
  } finally {
    caller.destroy();
    http.closeAllConnections();
    http.close();
    await close();
  }
}

describe("HTTP over the level basic", () => {
  const slow: readonly (readonly [what: string, said: string])[] = [
    ["says nothing", ""],
    ["never ends its headers", "POST / HTTP/1.1\r\nhost: x\r\n"],
    ["never ends its body", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx"],
    ["is answered and then stays idle", request("GET /")],
  ];
  for (const [what, said] of slow) {
    it(`F13: cuts a caller who ${what}`, () =>
      withCaller(async ({ caller }) => {
        if (said !== "") caller.write(said);
        await closed(caller);
      }, FAST));
  }

  it("answers one request after the other, and closes after one that asks for it", () =>
    withCaller(async ({ caller }) => {
      assert.match(await ask(caller, request("GET /")), /^HTTP\/1\.1 200 [^]*done$/);
      const last = await ask(caller, request("GET /", { connection: "close" }));
      assert.match(last, /^connection: close\r$/im);
      await closed(caller);
    }));

  it("closes its end for good, whatever the caller does with the other", () =>
    withCaller(async ({ caller, accepted }) => {
      caller.on("error", () => {}).resume();
      const gone = once(accepted, "close");
      caller.write(request("GET /", { connection: "close" }));
      // The caller keeps its end open; it costs the other end nothing.
      await gone;
      assert.equal(accepted.destroyed, true);
    }));

  it("carries a WebSocket both ways, with its end", () =>
    withCaller(async ({ http, caller }) => {
      const upgrader = new WebSocketServer({ noServer: true });
      http.on("upgrade", (incoming, socket, head) => {
        upgrader.handleUpgrade(incoming, socket, head, (open) => {
          open.on("message", (data: Buffer) => open.send(data));
        });
      });
      const websocket = await openWebSocket({
        socket: caller,
        path: "/v1/opamp",
        host: "localhost",
        headers: {},
        maxMessageBytes: 1_000_000,
      });
      const sent = Buffer.alloc(200_000, 7);
      websocket.send(sent);
      const [received] = (await once(websocket, "message")) as [Buffer];
      assert.ok(received.equals(sent));
      websocket.close(1000, "done");
      const [code] = (await once(websocket, "close")) as [number];
      assert.equal(code, 1000);
      await closed(caller);
    }));

  it("is drained: what was written goes out, then it is closed", () =>
    withCaller(async ({ http, caller, accepted }) => {
      assert.match(await ask(caller, request("GET /")), /^HTTP\/1\.1 200 /);
      const gone = new Promise<void>((resolve) => accepted.once("close", () => resolve()));
      const settled = Promise.resolve();
      await Promise.all([drain({ http, open: [accepted], settled, closed: gone }), closed(caller)]);
    }));
});
