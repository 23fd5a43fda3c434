import assert from "node:assert/strict";
import { constants } from "node:crypto";
import { once } from "node:events";
import {
  connect,
  type ConnectionOptions,
  createServer,
  getCACertificates,
  setDefaultCACertificates,
  type TlsOptions,
  type TLSSocket,
} from "node:tls";
import { after, describe, it } from "node:test";
import { isTautlineError, type LinkEvidence, type TautlineError } from "@tautline/protocol";
import { createFleetAuthority, testNow } from "../../test/fleet-authority.ts";
import { openSocketPair, type SocketPair } from "@tautline/testing";
import { createAdvancedAcceptor, type SharedKey } from "./accept-advanced.ts";
import { dialAdvanced, type DialAdvancedOptions } from "./dial-advanced.ts";

const TIMEOUT_MS = 10_000;
const sharedKey = Buffer.alloc(32, 1);
const current: SharedKey = { name: "legacy", version: 1, sharedKey };
const next: SharedKey = { name: "legacy", version: 2, sharedKey: Buffer.alloc(32, 2) };

const dialling = (change: Partial<DialAdvancedOptions> = {}): DialAdvancedOptions => ({
  host: "central.test",
  key: { name: "legacy" },
  sharedKey,
  isBound: false,
  address: "central.test:9150",
  timeoutMs: TIMEOUT_MS,
  now: testNow,
  ...change,
});

interface Secured {
  readonly stream: TLSSocket;
  readonly evidence: LinkEvidence;
  readonly key: SharedKey;
}

/** What the accepting end comes to on one connection. */
function accept(pair: SocketPair, keys: SharedKey[] = [current]): Promise<Secured | TautlineError> {
  return new Promise((resolve) => {
    const server = createAdvancedAcceptor({
      findKey: ({ name, version }) =>
        keys.find((key) => key.name === name && (version === undefined || key.version === version)),
      handshakeTimeoutMs: TIMEOUT_MS,
      now: testNow,
      onSecured: (stream, evidence, key) => resolve({ stream, evidence, key }),
      onFailed: (error) => resolve(error),
    });
    server.emit("connection", pair.accepted);
  });
}

async function secured(accepting: Promise<Secured | TautlineError>): Promise<Secured> {
  const end = await accepting;
  assert.ok("evidence" in end, isTautlineError(end) ? end.message : "refused");
  return end;
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  const end: unknown = await attempt.then(
    (value) => value,
    (error: unknown) => error,
  );
  return isTautlineError(end) ? end.code : String(end);
}

describe("two ends with the same key", () => {
  it("are secured at the level advanced, post-quantum, and say so at both ends", async () => {
    await using pair = await openSocketPair();
    const accepting = accept(pair);
    const dialled = await dialAdvanced(pair.dialled, dialling());
    const { evidence, key, stream } = await secured(accepting);
    assert.deepEqual(evidence, {
      level: "advanced",
      protocol: "TLSv1.3",
      cipher: "TLS_AES_128_GCM_SHA256",
      group: "X25519MLKEM768",
      pq: true,
      serverProven: false,
      clientProven: false,
      forwardSecret: true,
      peerId: null,
      peerSerial: null,
      keyId: "legacy#1",
      since: "2026-11-22T12:00:00.000Z",
    });
    assert.deepEqual(dialled.evidence, { ...evidence, keyId: "legacy" });
    assert.equal(key, current);
    dialled.stream.write("through it");
    const [said] = (await once(stream, "data")) as [Buffer];
    assert.equal(said.toString(), "through it");
  });

  it("have proven who they are only where the key was given to one agent alone (OVP-4)", async () => {
    await using pair = await openSocketPair();
    const accepting = accept(pair, [{ ...current, agentId: "an agent" }]);
    await dialAdvanced(pair.dialled, dialling({ isBound: true }));
    const { evidence } = await secured(accepting);
    assert.deepEqual([evidence.clientProven, evidence.serverProven], [true, true]);
  });

  for (const { name, version, sharedKey: key } of [current, next]) {
    it(`meet under rotation by version ${version} when the dialler names it (OVP-3)`, async () => {
      await using pair = await openSocketPair();
      const accepting = accept(pair, [current, next]);
      await dialAdvanced(pair.dialled, dialling({ key: { name, version }, sharedKey: key }));
      assert.equal((await secured(accepting)).evidence.keyId, `legacy#${version}`);
    });
  }
});

describe("a caller without the key", () => {
  const attempts: [string, Partial<DialAdvancedOptions>][] = [
    ["whose key is wrong", { sharedKey: Buffer.alloc(32, 9) }],
    ["whose key is not known here", { key: { name: "stranger" } }],
    ["whose version is not live here", { key: { name: "legacy", version: 7 } }],
  ];
  for (const [who, change] of attempts) {
    it(`${who} is refused, in the same way as any other`, async () => {
      await using pair = await openSocketPair();
      const accepting = accept(pair);
      const dialler = await codeOf(dialAdvanced(pair.dialled, dialling(change)));
      assert.deepEqual(
        [dialler, await codeOf(accepting)],
        ["link.key_unproven", "link.key_unproven"],
      );
    });
  }

  it("that cannot use the key with its suites is never let in without it", async () => {
    await using pair = await openSocketPair();
    const accepting = accept(pair);
    const caller = connect({
      socket: pair.dialled,
      ciphers: "TLS_AES_256_GCM_SHA384",
      minVersion: "TLSv1.3",
      rejectUnauthorized: false,
      pskCallback: () => ({ psk: Buffer.alloc(32, 9), identity: "legacy" }),
    });
    caller.on("error", () => {});
    assert.equal(await codeOf(accepting), "link.key_missing");
  });

  it("that a key was taken from during its handshake is shut out", async () => {
    await using pair = await openSocketPair();
    let looks = 0;
    const accepting = new Promise<TautlineError | string>((resolve) => {
      const server = createAdvancedAcceptor({
        findKey: () => {
          looks += 1;
          return looks === 1 ? current : undefined;
        },
        handshakeTimeoutMs: TIMEOUT_MS,
        now: testNow,
        onSecured: () => resolve("secured"),
        onFailed: resolve,
      });
      server.emit("connection", pair.accepted);
    });
    const dialled = await dialAdvanced(pair.dialled, dialling());
    dialled.stream.on("error", () => {});
    assert.equal(await codeOf(accepting), "link.unproven_level");
  });
});

/** OpenSSL's SSL_OP_NO_EXTENDED_MASTER_SECRET, which Node does not name. */
const WITHOUT_EXTENDED_MASTER_SECRET = 1;
const old = (pair: SocketPair, change: ConnectionOptions = {}): TLSSocket =>
  connect({
    socket: pair.dialled,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    ciphers: "DHE-PSK-AES128-GCM-SHA256",
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: sharedKey, identity: "legacy" }),
    ...change,
  }).on("error", () => {});

describe("a caller that knows no TLS 1.3", () => {
  for (const cipher of ["DHE-PSK-AES256-GCM-SHA384", "DHE-PSK-AES128-GCM-SHA256"]) {
    it(`is secured with ${cipher} and a group of 3,072 bits, and is not called post-quantum`, async () => {
      await using pair = await openSocketPair();
      const accepting = accept(pair);
      const caller = old(pair, { ciphers: cipher });
      const { evidence } = await secured(accepting);
      assert.deepEqual(
        [evidence.protocol, evidence.cipher, evidence.group, evidence.pq],
        ["TLSv1.2", cipher, "ffdhe3072", false],
      );
      assert.equal(Reflect.get(caller.getEphemeralKeyInfo() ?? {}, "size"), 3072);
    });
  }

  const refused: [string, ConnectionOptions, string][] = [
    [
      "without the extended master secret (RFC 7627)",
      { secureOptions: WITHOUT_EXTENDED_MASTER_SECRET },
      "link.unproven_level",
    ],
    ["without a key exchange of its own", { ciphers: "PSK-AES256-GCM-SHA384" }, "link.key_missing"],
    [
      "with a wrong key",
      { pskCallback: () => ({ psk: Buffer.alloc(32, 9), identity: "legacy" }) },
      "link.key_unproven",
    ],
    [
      "with the name of no key",
      { pskCallback: () => ({ psk: sharedKey, identity: "stranger" }) },
      "link.key_unproven",
    ],
  ];
  for (const [how, change, code] of refused) {
    it(`is refused ${how}`, async () => {
      await using pair = await openSocketPair();
      const accepting = accept(pair);
      old(pair, change);
      assert.equal(await codeOf(accepting), code);
    });
  }
});

describe("a server without the key", () => {
  const authority = createFleetAuthority();
  // As if a certificate of this authority were trusted by every program on the host.
  const before = getCACertificates("default");
  setDefaultCACertificates([authority.root.toString()]);
  after(() => setDefaultCACertificates(before));
  const { keyPem: key, chainPem: cert } = authority.central();
  const servers: [string, TlsOptions][] = [
    ["with a certificate that the whole system trusts", { key, cert }],
    [
      "that asks for the key, has another one, and shows a certificate",
      {
        key,
        cert,
        ciphers: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
        pskCallback: () => Buffer.alloc(32, 9),
      },
    ],
    ["that takes no key at all", { pskCallback: () => null }],
  ];
  for (const [which, options] of servers) {
    it(`${which} is refused before a byte is sent to it`, async () => {
      await using pair = await openSocketPair();
      const server = createServer({
        ...options,
        minVersion: "TLSv1.3",
        secureOptions: constants.SSL_OP_NO_TICKET,
      });
      server.on("tlsClientError", () => {});
      const heard: Buffer[] = [];
      server.on("secureConnection", (socket) => {
        socket.on("data", (part: Buffer) => heard.push(part)).on("error", () => {});
      });
      server.emit("connection", pair.accepted);
      const code = await codeOf(dialAdvanced(pair.dialled, dialling()));
      assert.match(code, /^link\.(?:key_unproven|key_missing|handshake_failed|unproven_level)$/);
      assert.deepEqual(heard, []);
    });
  }

  it("that closes at once leads to nothing lower", async () => {
    await using pair = await openSocketPair();
    pair.accepted.destroy();
    assert.match(await codeOf(dialAdvanced(pair.dialled, dialling())), /^link\./);
    assert.ok(pair.dialled.destroyed);
  });
});

it("a dialler stops when it is told to", async () => {
  await using pair = await openSocketPair();
  const stop = new AbortController();
  const attempt = codeOf(dialAdvanced(pair.dialled, dialling({ signal: stop.signal })));
  stop.abort();
  assert.equal(await attempt, "link.cancelled");
});

it("a dialler gives up at its limit", async () => {
  await using pair = await openSocketPair();
  assert.equal(
    await codeOf(dialAdvanced(pair.dialled, dialling({ timeoutMs: 1 }))),
    "link.timeout",
  );
});
