import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { test } from "node:test";
import { createQueue } from "../test/arrival-queue.ts";
import { createFleetAuthority, testNow } from "../test/fleet-authority.ts";
import { openSocketPair } from "@tautline/testing";
import { createTlsAcceptor } from "./accept-tls.ts";
import { createAdvancedAcceptor } from "./advanced/accept-advanced.ts";
import { dialAdvanced } from "./advanced/dial-advanced.ts";
import { acceptBasic } from "./basic/accept-basic.ts";
import { dialBasic } from "./basic/dial-basic.ts";
import { basicPsk } from "./basic/prologue.ts";
import { tlsBinding } from "./channel-binding.ts";
import { dialMutual } from "./dial-tls.ts";
import { rootsPem } from "./tls-settings.ts";

const TIMEOUT_MS = 10_000;
const HOST = "127.0.0.1";
const sharedKey = Buffer.alloc(32, 1);
const key = { name: "legacy", version: 1 };
const authority = createFleetAuthority();

/** What one connection is bound to, at both ends; `open` makes one and tells its two bindings. */
async function requireBound(open: () => Promise<readonly [Buffer, Buffer]>): Promise<void> {
  const [dialled, accepted] = await open();
  assert.equal(dialled.length, 32);
  assert.deepEqual(dialled, accepted);
  const [another] = await open();
  assert.notDeepEqual(another, dialled, "two connections are bound to one value");
}

/** Hands one connection to a server that does not listen. */
async function handOver(taker: Server): Promise<{ socket: Socket } & AsyncDisposable> {
  const open: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (accepted) => {
    open.push(accepted.on("error", () => {}));
    taker.emit("connection", accepted);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = connect({ port, host: HOST, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const each of [socket, ...open]) each.destroy();
      await closed;
    },
  };
}

test("both ends of a link of the level basic share 32 bytes that no other link has", async () => {
  await requireBound(async () => {
    await using pair = await openSocketPair();
    const ends = { address: "the other end", timeoutMs: TIMEOUT_MS, now: testNow };
    const psk = basicPsk(sharedKey);
    const [dialled, accepted] = await Promise.all([
      dialBasic(pair.dialled, { ...ends, key, psk, isBound: false }),
      acceptBasic(pair.accepted, { ...ends, findKeys: () => [{ ...key, psk }] }),
    ]);
    return [dialled.handshakeHash, accepted.handshakeHash];
  });
});

test("both ends of a link of the level advanced share 32 bytes that no other link has", async () => {
  await requireBound(async () => {
    const secured = createQueue<TLSSocket>();
    const acceptor = createAdvancedAcceptor({
      findKey: () => ({ ...key, sharedKey }),
      handshakeTimeoutMs: TIMEOUT_MS,
      now: testNow,
      onSecured: (stream) => secured.put(stream),
      onFailed: () => {},
    });
    await using connection = await handOver(acceptor);
    const { stream } = await dialAdvanced(connection.socket, {
      host: HOST,
      key,
      sharedKey,
      isBound: false,
      address: "the other end",
      timeoutMs: TIMEOUT_MS,
      now: testNow,
    });
    const bindings = [tlsBinding(stream), tlsBinding(await secured.take())] as const;
    stream.destroy();
    return bindings;
  });
});

test("both ends of a link with certificates share 32 bytes that no other link has", async () => {
  await requireBound(async () => {
    const secured = createQueue<TLSSocket>();
    const { server } = createTlsAcceptor({
      identity: authority.central(),
      clientRootsPem: rootsPem([authority.root]),
      judgeClient: () => ({ level: "tls" }),
      handshakeTimeoutMs: TIMEOUT_MS,
      now: testNow,
      onSecured: (stream) => secured.put(stream),
      onFailed: () => {},
    });
    server.listen(0, HOST);
    await once(server, "listening");
    const { socket } = await dialMutual({
      host: HOST,
      port: (server.address() as { port: number }).port,
      trustDomain: authority.trustDomain,
      timeoutMs: TIMEOUT_MS,
      now: testNow,
      roots: [authority.root],
      identity: authority.agent("agent-client"),
    });
    const accepted = await secured.take();
    const bindings = [tlsBinding(socket), tlsBinding(accepted)] as const;
    const closed = once(server, "close");
    server.close();
    for (const each of [socket, accepted]) each.destroy();
    await closed;
    return bindings;
  });
});
