import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { deriveSharedKey } from "@tautline/pki";
import {
  encodeAgentToServer,
  agentIdToBytes,
  isTautlineError,
  type ErrorCode,
} from "@tautline/protocol";
import { startStandInCentral } from "@tautline/testing";
import { KEY_TEXT, startKeyedCentral, type UncertifiedLevel } from "../../test/keyed-central.ts";
import { sampleIdentity } from "../../test/sample-states.ts";
import { identityDial } from "./dial-central.ts";
import { keyedDial } from "./dial-keyed.ts";
import { plaintextDial } from "./dial-plaintext.ts";
import type { DialLimits } from "./dial-way.ts";
import type { FoundKey } from "./key-file.ts";
import type { Dial } from "./transport.ts";
import { openTransportFor } from "./transports.ts";

const LEVELS: readonly UncertifiedLevel[] = ["plaintext", "basic", "advanced"];
const limits: DialLimits = { timeoutMs: 10_000, now: () => Date.now() };
/** A port of this host that nobody listens on. */
const NOBODY = { host: "127.0.0.1", port: 1 };
const never = new AbortController().signal;
const ID = "0190a000-0000-7000-8000-000000000001";

const findKey = async (text = KEY_TEXT, name = "legacy"): Promise<FoundKey> => ({
  key: { name },
  sharedKey: await deriveSharedKey(text, { namespace: "default", name: "legacy" }),
});

function dialAt(level: UncertifiedLevel, change: Partial<DialLimits> = {}, find = findKey): Dial {
  const how = { ...limits, ...change };
  return level === "plaintext" ? plaintextDial(how) : keyedDial(level, () => find(), how);
}

const fails =
  (...codes: ErrorCode[]) =>
  (error: unknown) =>
    isTautlineError(error) && codes.includes(error.code);

/** Says one message and hears the answer. */
async function talk(dial: Dial, address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const events = { onMessage: resolve, onClosed: (error: unknown) => reject(error) };
  const transport = await openTransportFor("websocket")({ address, dial, events, signal: never });
  transport.send(encodeAgentToServer({ instanceUid: agentIdToBytes(ID), sequenceNum: 1n }));
  await promise;
  await transport.close();
}

/** A proxy that takes CONNECT and says whom it connected. */
async function startProxy(): Promise<{ port: number; asked: string[]; close: () => void }> {
  const asked: string[] = [];
  const open = new Set<Socket>();
  const server = createHttpServer();
  server.on("connect", (request, near: Socket) => {
    const { url = "" } = request;
    asked.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const far = connect(Number(port), hostname, () => {
      near.write("HTTP/1.1 200 OK\r\n\r\n");
      near.pipe(far).pipe(near);
    });
    for (const socket of [near, far]) open.add(socket.on("error", () => {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

for (const level of LEVELS) {
  test(`${level}: OpAMP over IPv4 and IPv6, and the link is what it says`, async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      await using central = await startKeyedCentral(level, { host });
      await talk(dialAt(level), central.address);
      const [one] = central.heard;
      assert.deepEqual([one?.evidence.level, one?.host], [level, central.address]);
      const { evidence, socket, binding } = await dialAt(level)(central.address, never);
      assert.deepEqual(
        [evidence.level, evidence.keyId, evidence.serverProven, evidence.clientProven],
        [level, level === "plaintext" ? null : "legacy", false, false],
      );
      assert.equal(binding?.()?.length, level === "plaintext" ? undefined : 32);
      socket.destroy();
    }
  });

  test(`${level}: through a proxy by CONNECT, and by no other way when it refuses`, async () => {
    await using central = await startKeyedCentral(level);
    const proxy = await startProxy();
    const proxyFor = () => ({ host: "127.0.0.1", port: proxy.port });
    await talk(dialAt(level, { proxyFor }), central.address);
    assert.deepEqual(proxy.asked, [central.address]);
    assert.equal(central.connections(), 1);
    proxy.close();
    await assert.rejects(
      dialAt(level, { proxyFor: () => NOBODY })(central.address, never),
      fails("link.proxy_unreachable"),
    );
    assert.equal(central.connections(), 1);
  });

  test(`${level}: nobody there, a dial called off, and a port that is none each have their name`, async () => {
    await assert.rejects(dialAt(level)("127.0.0.1:1", never), fails("link.unreachable"));
    await assert.rejects(dialAt(level)("127.0.0.1:0", never), fails("link.address_malformed"));
    await assert.rejects(
      dialAt(level)("127.0.0.1:1", AbortSignal.abort()),
      fails("link.cancelled"),
    );
  });
}

for (const level of ["basic", "advanced"] as const) {
  test(`A29, ${level}: a server that says nothing is given up after the one limit for all steps`, async () => {
    const silent = createServer(() => {});
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const open: Socket[] = [];
    silent.on("connection", (socket: Socket) => open.push(socket.on("error", () => {})));
    await assert.rejects(
      dialAt(level, { timeoutMs: 100 })(`127.0.0.1:${port}`, never),
      fails("link.timeout"),
    );
    const calledOff = new AbortController();
    silent.once("connection", () => calledOff.abort());
    await assert.rejects(
      dialAt(level)(`127.0.0.1:${port}`, calledOff.signal),
      fails("link.cancelled"),
    );
    silent.close();
    for (const socket of open) socket.destroy();
  });

  test(`a wrong key and an unknown name fail at ${level}, after one connection each`, async () => {
    await using central = await startKeyedCentral(level);
    const wrong = dialAt(level, {}, () => findKey(`${KEY_TEXT}!`));
    const unknown = dialAt(level, {}, () => findKey(KEY_TEXT, "other"));
    // Both ends show only that the key was not proven; who is nobody learns nothing of names.
    const name = fails("link.key_unproven");
    await assert.rejects(wrong(central.address, never), name);
    if (level === "advanced") await assert.rejects(unknown(central.address, never), name);
    assert.equal(central.connections(), level === "advanced" ? 2 : 1);
    assert.deepEqual(central.heard, []);
  });
}

test("A24: no level is reached at a central that accepts another one, and each try is one connection", async () => {
  for (const accepted of LEVELS) {
    for (const asked of LEVELS) {
      if (accepted === asked) continue;
      await using central = await startKeyedCentral(accepted);
      const dial = dialAt(asked, { timeoutMs: 500 });
      await assert.rejects(
        openTransportFor("websocket")({
          address: central.address,
          dial,
          events: { onMessage: () => assert.fail("an answer"), onClosed: () => {} },
          signal: never,
        }),
        (error) => isTautlineError(error) && error.code.startsWith("link."),
        `${asked} at ${accepted}`,
      );
      assert.deepEqual([central.connections(), central.heard], [1, []]);
    }
  }
});

test("an agent with an identity dials at the level it is told: tls proves central by its root, the rest as without one", async () => {
  const central = await startStandInCentral();
  try {
    const identity = { ...sampleIdentity, rootsPem: central.authority.rootPem };
    const how = { ...limits, identity, keys: { client: "", server: "" }, findKey };
    const tls = await identityDial({ ...how, level: "tls" })(central.address, never);
    assert.deepEqual(
      [tls.evidence.level, tls.evidence.serverProven, tls.evidence.clientProven],
      ["tls", true, false],
    );
    assert.equal(tls.binding?.()?.length, 32);
    assert.equal(typeof tls.prove, "function", "below mtls the identity is proven in the request");
    tls.socket.destroy();
    for (const level of LEVELS) {
      await using keyed = await startKeyedCentral(level);
      const link = await identityDial({ ...how, level })(keyed.address, never);
      assert.deepEqual([link.evidence.level, typeof link.prove], [level, "function"]);
      link.socket.destroy();
    }
  } finally {
    await central.close();
  }
});
