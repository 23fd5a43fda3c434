import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { describe, it } from "node:test";
import type { TautlineError } from "@tautline/protocol";
import { createQueue } from "../test/arrival-queue.ts";
import { testNow } from "../test/fleet-authority.ts";
import { createAdvancedAcceptor } from "./advanced/accept-advanced.ts";
import { dialAdvanced } from "./advanced/dial-advanced.ts";
import { createBasicAcceptor } from "./basic/basic-acceptor.ts";
import { dialBasic } from "./basic/dial-basic.ts";
import { basicPsk } from "./basic/prologue.ts";
import type { HandshakeCaller, HandshakeGate } from "./handshake-gate.ts";

const HOST = "127.0.0.1";
const sharedKey = Buffer.alloc(32, 1);
const wrongKey = Buffer.alloc(32, 2);
const key = { name: "legacy", version: 1 };

interface Watched {
  readonly callers: { take(): Promise<HandshakeCaller> };
  readonly leaves: { take(): Promise<unknown> };
  readonly secured: { take(): Promise<Duplex> };
  readonly failures: { take(): Promise<readonly [TautlineError, string, string]> };
  readonly port: number;
}

type Make = (
  gate: HandshakeGate,
  secured: (stream: Duplex) => void,
  failed: (error: TautlineError, address: string, remoteAddress: string) => void,
  handshakeTimeoutMs: number,
) => Server;

const LEVELS: Readonly<
  Record<string, { make: Make; dial: (socket: Socket, key: Buffer) => Promise<unknown> }>
> = {
  basic: {
    make: (gate, secured, onFailed, handshakeTimeoutMs) =>
      createBasicAcceptor({
        gate,
        findKeys: () => [{ ...key, psk: basicPsk(sharedKey) }],
        handshakeTimeoutMs,
        now: testNow,
        onSecured: ({ stream }) => secured(stream),
        onFailed,
      }),
    dial: (socket, text) =>
      dialBasic(socket, {
        key,
        psk: basicPsk(text),
        isBound: false,
        address: "central",
        timeoutMs: 10_000,
        now: testNow,
      }),
  },
  advanced: {
    make: (gate, secured, onFailed, handshakeTimeoutMs) =>
      createAdvancedAcceptor({
        gate,
        findKey: () => ({ ...key, sharedKey }),
        handshakeTimeoutMs,
        now: testNow,
        onSecured: secured,
        onFailed,
      }),
    dial: (socket, text) =>
      dialAdvanced(socket, {
        host: HOST,
        key,
        sharedKey: text,
        isBound: false,
        address: "central",
        timeoutMs: 10_000,
        now: testNow,
      }),
  },
};

async function withAcceptor(
  make: Make,
  use: (watched: Watched) => Promise<void>,
  handshakeTimeoutMs = 10_000,
): Promise<void> {
  const callers = createQueue<HandshakeCaller>();
  const leaves = createQueue<true>();
  const secured = createQueue<Duplex>();
  const failures = createQueue<readonly [TautlineError, string, string]>();
  const gate: HandshakeGate = {
    enter: (caller) => {
      callers.put(caller);
      let isGone = false;
      return () => {
        if (!isGone) leaves.put(true);
        isGone = true;
      };
    },
  };
  const acceptor = make(
    gate,
    (stream) => secured.put(stream),
    (...failure) => failures.put(failure),
    handshakeTimeoutMs,
  );
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket.on("error", () => {}));
    acceptor.emit("connection", socket);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await use({ callers, leaves, secured, failures, port });
  const closed = once(server, "close");
  server.close();
  for (const socket of open) socket.destroy();
  await closed;
}

async function dialTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

for (const [level, { make, dial }] of Object.entries(LEVELS)) {
  describe(`a gate before the handshakes of the level ${level}`, () => {
    it("lets them begin, and is left when they are over", () =>
      withAcceptor(make, async ({ callers, leaves, secured, port }) => {
        const socket = await dialTcp(port);
        const dialled = dial(socket, sharedKey);
        const caller = await callers.take();
        assert.equal(caller.remoteAddress, HOST);
        caller.begin();
        await Promise.all([dialled, secured.take(), leaves.take()]);
        socket.destroy();
      }));

    it("is left when a key was not proven, and the caller's address is told by itself too", () =>
      withAcceptor(make, async ({ callers, leaves, failures, port }) => {
        const socket = await dialTcp(port);
        const dialled = dial(socket, wrongKey).catch(() => "refused");
        (await callers.take()).begin();
        const [error, address, remoteAddress] = await failures.take();
        assert.equal(error.code, "link.key_unproven");
        assert.match(address, /^127\.0\.0\.1:\d+$/);
        assert.equal(remoteAddress, HOST);
        assert.equal(await dialled, "refused");
        await leaves.take();
      }));

    it("turns away before anything is spent on a caller", () =>
      withAcceptor(make, async ({ callers, failures, port }) => {
        const socket = await dialTcp(port);
        const dialled = dial(socket, sharedKey).catch(() => "refused");
        (await callers.take()).refuse();
        assert.equal((await failures.take())[0].code, "link.queue_full");
        assert.equal(await dialled, "refused");
      }));

    it("F13: never sees a silent caller, who is cut in time", () =>
      withAcceptor(
        make,
        async ({ failures, port }) => {
          const socket = await dialTcp(port);
          socket.resume();
          assert.equal((await failures.take())[0].code, "link.timeout");
          socket.destroy();
        },
        20,
      ));
  });
}
