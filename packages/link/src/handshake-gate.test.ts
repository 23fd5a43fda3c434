import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { createFleetAuthority } from "../test/fleet-authority.ts";
import { startAcceptor, type RunningAcceptor } from "../test/running-acceptor.ts";
import type { HandshakeCaller, HandshakeGate } from "./handshake-gate.ts";

const authority = createFleetAuthority();

/** A gate that keeps whoever comes, and tells. */
function createKeeper(): HandshakeGate & {
  nextCaller(): Promise<HandshakeCaller>;
  nextLeave(): Promise<void>;
  readonly entered: number;
} {
  const callers = queue<HandshakeCaller>();
  const leaves = queue<void>();
  let entered = 0;
  return {
    enter: (caller) => {
      entered += 1;
      callers.put(caller);
      let isGone = false;
      return () => {
        if (!isGone) leaves.put();
        isGone = true;
      };
    },
    nextCaller: callers.take,
    nextLeave: leaves.take,
    get entered() {
      return entered;
    },
  };
}

function queue<Item>(): { put: (item: Item) => void; take: () => Promise<Item> } {
  const items: Item[] = [];
  let wake = Promise.withResolvers<void>();
  return {
    put: (item) => {
      items.push(item);
      wake.resolve();
    },
    take: async () => {
      while (items.length === 0) await wake.promise;
      if (items.length === 1) wake = Promise.withResolvers();
      return items.shift() as Item;
    },
  };
}

function dial({ port }: RunningAcceptor): TLSSocket {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  socket.on("error", () => {});
  return socket;
}

async function dialSilent({ port }: RunningAcceptor): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

test("a caller's handshake begins when the gate says so, with the bytes it sent before", async () => {
  const gate = createKeeper();
  await using central = await startAcceptor(authority, { gate });
  const client = dial(central);
  const caller = await gate.nextCaller();
  assert.equal(caller.remoteAddress, "127.0.0.1");
  assert.equal(client.getPeerX509Certificate(), undefined);
  const secured = once(client, "secureConnect");
  caller.begin();
  await secured;
  const { evidence } = await central.nextSecured();
  assert.equal(evidence.level, "tls");
  await gate.nextLeave();
  client.destroy();
});

test("a handshake that fails leaves the gate", async () => {
  const gate = createKeeper();
  await using central = await startAcceptor(authority, { gate });
  const client = await dialSilent(central);
  client.write("GET / HTTP/1.1\r\n\r\n");
  (await gate.nextCaller()).begin();
  assert.equal((await central.nextFailure()).error.code, "link.not_tls");
  await gate.nextLeave();
  client.destroy();
});

test("a refused caller is cut before anything was spent on it, and its place is free", async () => {
  const gate = createKeeper();
  await using central = await startAcceptor(authority, { gate });
  const client = dial(central);
  const closed = new Promise((resolve) => client.once("close", resolve));
  (await gate.nextCaller()).refuse();
  await closed;
  assert.equal((await central.nextFailure()).error.code, "link.queue_full");
  assert.equal(client.getPeerX509Certificate(), undefined);
});

test("F13: silent callers never come to the gate, and are cut after the handshake's time", async () => {
  const gate = createKeeper();
  await using central = await startAcceptor(authority, { gate, handshakeTimeoutMs: 300 });
  const silent = await Promise.all(Array.from({ length: 50 }, () => dialSilent(central)));
  const cut = silent.map((socket) => once(socket.resume(), "close"));
  const client = dial(central);
  (await gate.nextCaller()).begin();
  await once(client, "secureConnect");
  await Promise.all(cut);
  assert.equal(gate.entered, 1);
  for (const _ of silent) assert.equal((await central.nextFailure()).error.code, "link.timeout");
  client.destroy();
});

test("a caller who hangs up without a word is named as cut", async () => {
  const gate = createKeeper();
  await using central = await startAcceptor(authority, { gate });
  const client = await dialSilent(central);
  client.end();
  assert.equal((await central.nextFailure()).error.code, "link.handshake_cut");
  assert.equal(gate.entered, 0);
});

test("a caller who hangs up while it waits leaves the gate, and beginning it then does nothing", async () => {
  const gate = createKeeper();
  await using central = await startAcceptor(authority, { gate });
  const client = await dialSilent(central);
  client.write(Uint8Array.of(0x16));
  const caller = await gate.nextCaller();
  client.resetAndDestroy();
  await gate.nextLeave();
  caller.begin();
  const another = dial(central);
  (await gate.nextCaller()).begin();
  await once(another, "secureConnect");
  another.destroy();
});

test("F13: who goes silent in the middle of its handshake loses its place after the lease, not its link", async () => {
  const gate = createKeeper();
  await using central = await startAcceptor(authority, { gate, leaseMs: 50 });
  const silent = await dialSilent(central);
  // The first byte of a TLS record, and no second one.
  silent.write(Uint8Array.of(0x16));
  (await gate.nextCaller()).begin();
  await gate.nextLeave();
  assert.equal(silent.destroyed, false);
  silent.destroy();
});
