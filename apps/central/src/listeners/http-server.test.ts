import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { listenOnAnyPort } from "@tautline/testing";
import { createHttpServer, HTTP_TIMES } from "./http-server.ts";

const FAST = { headersMs: 20, requestMs: 40, idleMs: 20, checkMs: 5 };

/** Gives `use` a caller whose connection the server was handed, as a secured port hands them. */
async function withCaller(use: (caller: Socket) => Promise<void>): Promise<void> {
  const http = createHttpServer(FAST);
  http.on("request", (request, response) => {
    request.resume();
    request.on("end", () => response.end("done"));
  });
  const accepting = createServer((socket) => void http.emit("connection", socket));
  const { port, close } = await listenOnAnyPort(accepting);
  const caller = connect(port, "127.0.0.1");
  caller.on("error", () => {});
  try {
    await use(caller);
  } finally {
    caller.destroy();
    http.closeAllConnections();
    http.close();
    await close();
  }
}

describe("createHttpServer", () => {
  it("cuts a caller who says nothing, although the server itself never listened", () =>
    withCaller(async (caller) => {
      caller.resume();
      await once(caller, "close");
    }));

  it("cuts one who never ends his headers", () =>
    withCaller(async (caller) => {
      caller.resume();
      caller.write("POST / HTTP/1.1\r\nhost: x\r\n");
      await once(caller, "close");
    }));

  it("cuts one who never ends his body", () =>
    withCaller(async (caller) => {
      caller.resume();
      caller.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx");
      await once(caller, "close");
    }));

  it("answers, and cuts one who then stays idle", () =>
    withCaller(async (caller) => {
      const [answer] = [once(caller, "data")];
      caller.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      assert.match(String((await answer)[0]), /^HTTP\/1\.1 200 /);
      caller.resume();
      await once(caller, "close");
    }));

  it("lets a polling agent keep its connection from one poll to the next", () => {
    assert.ok(HTTP_TIMES.idleMs > 30_000);
    assert.ok(HTTP_TIMES.headersMs <= HTTP_TIMES.requestMs);
  });
});
