import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { describe, it } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { spkiPin } from "@tautline/pki";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import { createFleetAuthority, testNow } from "../test/fleet-authority.ts";
import { createTlsAcceptor } from "./accept-tls.ts";
import { createAdvancedAcceptor } from "./advanced/accept-advanced.ts";
import { dialAdvanced } from "./advanced/dial-advanced.ts";
import {
  allowsClassical,
  type CryptoChoice,
  groups,
  isPostQuantumGroup,
  KEY_EXCHANGE_GROUPS,
  requireUsable,
  suites,
} from "./crypto-choice.ts";
import { dialPinned } from "./dial-tls.ts";

const authority = createFleetAuthority();
const key = { name: "legacy", version: 1, sharedKey: Buffer.alloc(32, 9) };
const HOST = "127.0.0.1";
const timeoutMs = 20_000;

/** A port of one level with the groups of one end, and the first that it saw. */
interface ChosenPort extends AsyncDisposable {
  readonly port: number;
  readonly secured: Promise<LinkEvidence>;
  readonly failed: Promise<TautlineError>;
}

/** Whichever of them comes first; a test that waits for the other one fails and does not hang. */
function firstSeen() {
  const secured = Promise.withResolvers<LinkEvidence>();
  const failed = Promise.withResolvers<TautlineError>();
  for (const { promise } of [secured, failed]) promise.catch(() => {});
  return {
    seen: { secured: secured.promise, failed: failed.promise },
    onSecured: (stream: TLSSocket, evidence: LinkEvidence): void => {
      stream.on("error", () => {}).resume();
      stream.end();
      secured.resolve(evidence);
      failed.reject(new Error("it was secured"));
    },
    onFailed: (error: TautlineError): void => {
      failed.resolve(error);
      secured.reject(error);
    },
  };
}

async function listening(
  server: Server,
  seen: Pick<ChosenPort, "secured" | "failed">,
): Promise<ChosenPort> {
  server.listen(0, HOST);
  await once(server, "listening");
  return {
    ...seen,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

function openTls(crypto: CryptoChoice): Promise<ChosenPort> {
  const { seen, onSecured, onFailed } = firstSeen();
  const { server } = createTlsAcceptor({
    identity: authority.central(),
    clientRootsPem: "",
    judgeClient: () => ({ level: "tls" }),
    handshakeTimeoutMs: timeoutMs,
    crypto,
    now: testNow,
    onSecured,
    onFailed,
  });
  return listening(server, seen);
}

function openAdvanced(crypto: CryptoChoice): Promise<ChosenPort> {
  const { seen, onSecured, onFailed } = firstSeen();
  const acceptor = createAdvancedAcceptor({
    findKey: ({ name }) => (name === key.name ? key : undefined),
    handshakeTimeoutMs: timeoutMs,
    crypto,
    now: testNow,
    onSecured,
    onFailed,
  });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    acceptor.emit("connection", socket);
  });
  return listening(server, seen);
}

/** Hangs up when the other end has judged too: before that the handshake would be cut, not finished. */
async function hangUp(stream: TLSSocket, { secured }: ChosenPort): Promise<void> {
  await secured;
  stream.destroy();
}

async function dialTls(chosen: ChosenPort, crypto: CryptoChoice): Promise<LinkEvidence> {
  const { port } = chosen;
  const { trustDomain, root } = authority;
  const options = { host: HOST, port, trustDomain, timeoutMs, crypto, now: testNow };
  const { socket, evidence } = await dialPinned({ ...options, pins: [spkiPin(root)] });
  await hangUp(socket, chosen);
  return evidence;
}

async function dialKey(chosen: ChosenPort, crypto: CryptoChoice): Promise<LinkEvidence> {
  const { port } = chosen;
  const socket = connect({ host: HOST, port, allowHalfOpen: true });
  await once(socket, "connect");
  const way = { host: HOST, address: HOST, timeoutMs, crypto, now: testNow, isBound: false };
  const { stream, evidence } = await dialAdvanced(socket, {
    ...way,
    key,
    sharedKey: key.sharedKey,
  });
  await hangUp(stream, chosen);
  return evidence;
}

const LEVELS = [
  { level: "tls", open: openTls, dial: dialTls },
  { level: "advanced", open: openAdvanced, dial: dialKey },
] as const;

describe("which cryptography a link may use", () => {
  it("is the hybrid group first, and all suites of TLS 1.3, where nothing is chosen", () => {
    assert.match(groups(), /^X25519MLKEM768\//);
    assert.equal(groups(), groups());
    assert.equal(suites().split(":")[0], "TLS_AES_256_GCM_SHA384");
    assert.equal(allowsClassical(), true);
  });

  it("is what is chosen, in that order", () => {
    assert.equal(groups({ groups: ["MLKEM1024", "X25519"] }), "MLKEM1024/X25519");
    assert.equal(suites({ suites: ["TLS_AES_128_GCM_SHA256"] }), "TLS_AES_128_GCM_SHA256");
  });

  it("withstands a quantum computer wherever ML-KEM takes part, and nowhere else", () => {
    const post = KEY_EXCHANGE_GROUPS.filter((group) => isPostQuantumGroup(group));
    assert.deepEqual(post, [
      "X25519MLKEM768",
      "SecP256r1MLKEM768",
      "SecP384r1MLKEM1024",
      "MLKEM1024",
      "MLKEM768",
    ]);
    assert.equal(isPostQuantumGroup(undefined), false);
    assert.equal(isPostQuantumGroup("ffdhe3072"), false);
    assert.equal(allowsClassical({ groups: ["MLKEM1024"] }), false);
    assert.equal(allowsClassical({ groups: ["MLKEM1024", "P-256"] }), true);
  });

  it("is refused before anything listens where this OpenSSL does not know it", () => {
    requireUsable({});
    requireUsable({ groups: KEY_EXCHANGE_GROUPS });
    const unknown = { groups: ["MLKEM4096"] } as unknown as CryptoChoice;
    assert.throws(() => requireUsable(unknown), { code: "link.crypto_unsupported" });
  });
});

for (const { level, open, dial } of LEVELS) {
  describe(`the level ${level} with chosen groups`, () => {
    for (const group of KEY_EXCHANGE_GROUPS) {
      it(`${group} alone: both ends say that it was used`, async () => {
        const crypto = { groups: [group] };
        await using port = await open(crypto);
        const dialled = await dial(port, crypto);
        assert.equal(dialled.group, group);
        assert.equal(dialled.pq, isPostQuantumGroup(group));
        const accepted = await port.secured;
        assert.deepEqual(
          [accepted.group, accepted.pq, accepted.level],
          [group, isPostQuantumGroup(group), level],
        );
      });
    }

    it("a caller that prefers a classical group is asked again for the one that stands first", async () => {
      await using port = await open({ groups: ["MLKEM1024", "X25519"] });
      const { group } = await dial(port, { groups: ["X25519", "MLKEM1024"] });
      assert.equal(group, "MLKEM1024");
    });

    it("a caller without any of the groups gets no link, and both ends say that it is for that", async () => {
      await using port = await open({ groups: ["MLKEM1024"] });
      // At `advanced` a server that has none of its keys answers by the same alert.
      const code = level === "tls" ? "link.crypto_mismatch" : "link.key_missing";
      await assert.rejects(dial(port, { groups: ["X25519"] }), {
        code,
        message: /no key exchange/,
      });
      assert.equal((await port.failed).code, "link.crypto_mismatch");
    });
  });
}

it("a suite that was not chosen is not used", async () => {
  const suite = "TLS_AES_128_GCM_SHA256";
  await using port = await openTls({ suites: [suite] });
  assert.equal((await dialTls(port, {})).cipher, suite);
  await assert.rejects(dialTls(port, { suites: ["TLS_CHACHA20_POLY1305_SHA256"] }));
});

it("TLS 1.2 with a key, whose exchange is classical, is off where only post-quantum groups are chosen", async () => {
  await using port = await openAdvanced({ groups: ["MLKEM1024"] });
  const socket = connectTls({
    host: HOST,
    port: port.port,
    maxVersion: "TLSv1.2",
    ciphers: "DHE-PSK-AES256-GCM-SHA384",
    pskCallback: () => ({ psk: key.sharedKey, identity: key.name }),
    checkServerIdentity: () => undefined,
  });
  const [error] = (await once(socket, "error")) as [Error];
  assert.match(error.message, /protocol version|handshake/i);
  assert.match((await port.failed).code, /^link\./);
});
