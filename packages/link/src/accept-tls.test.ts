import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { TautlineError, isTautlineError } from "@tautline/protocol";
import { createTlsAcceptor, evidenceOf, markOf, refusalOf } from "./accept-tls.ts";
import { startAcceptor, type RunningAcceptor } from "../test/running-acceptor.ts";
import { createFleetAuthority, testNow, type FleetIdentity } from "../test/fleet-authority.ts";

const authority = createFleetAuthority();
const HOUR_MS = 3_600_000;

/** A TLS client that checks nothing: what central does with it is what is tested. */
async function connectTo(
  { port }: RunningAcceptor,
  identity?: FleetIdentity,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    rejectUnauthorized: false,
    ...(identity && { key: identity.keyPem, cert: identity.chainPem }),
    ...options,
  });
  await once(socket, "secureConnect");
  return socket;
}

/** What a client could try to resume: it comes after the handshake, ahead of the first bytes of the server. */
async function sessionOf(client: TLSSocket, atCentral: TLSSocket): Promise<Buffer> {
  const given = once(client.resume(), "session");
  atCentral.write("x");
  const [session] = (await given) as [Buffer];
  return session;
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Sends plain bytes and resolves when the other end has closed. */
async function sendPlain({ port }: RunningAcceptor, bytes: string): Promise<void> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  socket.write(bytes, "latin1");
  await once(socket, "close");
}

test("an agent's certificate gives level mtls, with what was negotiated and whose it is", async () => {
  await using central = await startAcceptor(authority);
  const agent = authority.agent("agent-client");
  const client = await connectTo(central, agent);
  const { socket, evidence, refusal } = await central.nextSecured();
  assert.equal(refusal, undefined);
  assert.deepEqual(evidence, {
    level: "mtls",
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    group: "X25519MLKEM768",
    pq: true,
    serverProven: true,
    clientProven: true,
    forwardSecret: true,
    peerId: agent.spiffeId,
    peerSerial: agent.serial,
    keyId: null,
    since: "2026-11-22T12:00:00.000Z",
  });
  assert.equal(evidenceOf(socket), evidence);
  assert.equal(refusalOf(socket), undefined);
  assert.equal(markOf(socket)?.serial, agent.serial);
  client.destroy();
});

test("a client without a certificate gets level tls and no name", async () => {
  await using central = await startAcceptor(authority);
  const client = await connectTo(central);
  const { evidence, refusal } = await central.nextSecured();
  assert.equal(refusal, undefined);
  assert.equal(evidence.level, "tls");
  assert.equal(evidence.clientProven, false);
  assert.equal(evidence.peerId, null);
  assert.equal(evidence.peerSerial, null);
  client.destroy();
});

test("central's evidence names the group that the client forced, from the server's own session", async () => {
  await using central = await startAcceptor(authority);
  const agent = authority.agent("agent-client");
  for (const [ecdhCurve, group, pq] of [
    ["X25519", "X25519", false],
    ["P-256", "P-256", false],
    ["X25519MLKEM768", "X25519MLKEM768", true],
    ["P-256:X25519", "P-256", false],
  ] as const) {
    const client = await connectTo(central, agent, { ecdhCurve });
    const { evidence } = await central.nextSecured();
    assert.deepEqual({ group: evidence.group, pq: evidence.pq }, { group, pq }, ecdhCurve);
    client.destroy();
  }
});

test("a client that can do the hybrid group but guessed X25519 is asked again and gets the hybrid", async () => {
  await using central = await startAcceptor(authority);
  const client = await connectTo(central, undefined, { ecdhCurve: "X25519:X25519MLKEM768" });
  const { evidence } = await central.nextSecured();
  assert.equal(evidence.group, "X25519MLKEM768");
  client.destroy();
});

test("openssl s_client -groups changes the group that central reports", async () => {
  await using central = await startAcceptor(authority);
  const agent = authority.agent("agent-client");
  const folder = mkdtempSync(join(tmpdir(), "tautline-link-"));
  try {
    writeFileSync(join(folder, "key.pem"), agent.keyPem, { mode: 0o600 });
    writeFileSync(join(folder, "chain.pem"), agent.chainPem);
    for (const group of ["X25519", "P-256"]) {
      const args = ["s_client", "-connect", `127.0.0.1:${central.port}`, "-groups", group];
      args.push("-key", join(folder, "key.pem"), "-cert", join(folder, "chain.pem"));
      args.push("-cert_chain", join(folder, "chain.pem"), "-quiet");
      const client = spawn("openssl", args, { stdio: ["pipe", "ignore", "ignore"] });
      const exited = once(client, "exit");
      const { socket, evidence } = await central.nextSecured();
      assert.equal(evidence.level, "mtls");
      assert.equal(evidence.group, group);
      assert.equal(evidence.peerId, agent.spiffeId);
      socket.destroy();
      client.stdin.end();
      await exited;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a client whose certificate is refused completes the handshake, and the reason can be told inside", async () => {
  await using central = await startAcceptor(authority);
  const table: readonly [identity: FleetIdentity, code: string][] = [
    [createFleetAuthority().agent("agent-client"), "pki.chain_untrusted"],
    [createFleetAuthority("other.test").agent("agent-client"), "pki.chain_untrusted"],
    [
      authority.agent("agent-client", { fromMs: -2 * HOUR_MS, toMs: -HOUR_MS }),
      "pki.chain_expired",
    ],
    [
      authority.agent("agent-client", { fromMs: HOUR_MS, toMs: 2 * HOUR_MS }),
      "pki.chain_not_yet_valid",
    ],
    [authority.agent("agent-server"), "pki.chain_wrong_purpose"],
    [authority.central(), "pki.chain_wrong_purpose"],
  ];
  for (const [identity, code] of table) {
    const client = await connectTo(central, identity);
    const { socket, evidence, refusal } = await central.nextSecured();
    assert.equal(refusal?.code, code);
    assert.equal(refusalOf(socket), refusal);
    assert.equal(evidence.level, "tls", code);
    assert.equal(evidence.clientProven, false);
    assert.equal(evidence.peerId, null);
    const heard = once(client, "data");
    socket.write(refusal.code);
    assert.equal(String((await heard)[0]), code);
    client.destroy();
  }
});

test("a peer that speaks TLS 1.2 only is refused", async () => {
  await using central = await startAcceptor(authority);
  const attempt = connectTo(central, undefined, { maxVersion: "TLSv1.2" });
  await assert.rejects(attempt, { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
  assert.equal((await central.nextFailure()).error.code, "link.tls_version");
});

test("a client that offers another protocol inside (ALPN) is refused, one that offers none is not", async () => {
  await using central = await startAcceptor(authority);
  const attempt = connectTo(central, undefined, { ALPNProtocols: ["smtp"] });
  await assert.rejects(attempt, { code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL" });
  assert.equal((await central.nextFailure()).error.code, "link.handshake_failed");
  (await connectTo(central)).destroy();
});

test("plaintext on the TLS port is named as such, with the caller's address, and the connection closed", async () => {
  await using central = await startAcceptor(authority);
  for (const bytes of [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "PUT x",
    "SSH-2.0-x\r\n\r\n",
    "\x16\x03\x01garbage",
  ]) {
    await sendPlain(central, bytes);
    const { error, address } = await central.nextFailure();
    assert.equal(error.code, "link.not_tls", JSON.stringify(bytes));
    assert.match(address, /^127\.0\.0\.1:\d+$/);
    assert.ok(error.cause instanceof Error);
  }
});

test("F13: a client that says nothing is cut off by the handshake limit", async () => {
  await using central = await startAcceptor(authority, { handshakeTimeoutMs: 50 });
  const silent = connectTcp(central.port, "127.0.0.1");
  silent.resume();
  const closed = once(silent, "close");
  const { error } = await central.nextFailure();
  assert.equal(error.code, "link.timeout");
  assert.match(error.message, /50 ms/);
  await closed;
});

test("A15: 300 failed handshakes of three kinds leave no descriptor open", async () => {
  await using central = await startAcceptor(authority);
  const failThrice = async (): Promise<void> => {
    await sendPlain(central, "GET / HTTP/1.1\r\n\r\n");
    await assert.rejects(connectTo(central, undefined, { maxVersion: "TLSv1.2" }));
    const cut = connectTcp(central.port, "127.0.0.1", () => cut.destroy());
    await once(cut, "close");
    await Promise.all([central.nextFailure(), central.nextFailure(), central.nextFailure()]);
  };
  await failThrice();
  const before = openDescriptors();
  for (let round = 0; round < 100; round += 1) {
    await failThrice();
  }
  const growth = openDescriptors() - before;
  assert.ok(growth <= 5, `${growth} more descriptors are open`);
});

test("A28: nothing is resumed: a second connection with the first one's session proves itself anew", async () => {
  await using central = await startAcceptor(authority);
  const agent = authority.agent("agent-client");
  const first = await connectTo(central, agent);
  const secured = await central.nextSecured();
  const session = await sessionOf(first, secured.socket);
  first.destroy();

  const second = await connectTo(central, agent, { session });
  assert.equal(second.isSessionReused(), false);
  const again = await central.nextSecured();
  assert.equal(again.socket.isSessionReused(), false);
  assert.equal(again.evidence.level, "mtls");
  second.destroy();
});

test("a new identity is shown from the next handshake on, and every other setting stays", async () => {
  await using central = await startAcceptor(authority);
  const standing = await connectTo(central, authority.agent("agent-client"));
  const { socket: standingAtCentral } = await central.nextSecured();
  const identity = authority.central();
  central.acceptor.replaceIdentity(identity);

  const agent = authority.agent("agent-client");
  const client = await connectTo(central, agent, { ecdhCurve: "X25519:X25519MLKEM768" });
  assert.equal(client.getPeerX509Certificate()?.serialNumber.toLowerCase(), identity.serial);
  const { socket, evidence } = await central.nextSecured();
  // A context rebuilt without them would choose X25519, forget to ask for a certificate, and resume.
  assert.equal(evidence.group, "X25519MLKEM768");
  assert.equal(evidence.cipher, "TLS_AES_256_GCM_SHA384");
  assert.equal(evidence.level, "mtls");
  const session = await sessionOf(client, socket);
  client.destroy();
  const resumed = await connectTo(central, agent, { session });
  assert.equal(resumed.isSessionReused(), false);
  resumed.destroy();
  await assert.rejects(connectTo(central, undefined, { maxVersion: "TLSv1.2" }));

  const heard = once(standing, "data");
  standingAtCentral.write("still here");
  assert.equal(String((await heard)[0]), "still here");
  standing.destroy();
});

test("a bad identity is refused in words without the key, and the one in use stays", async () => {
  const identity = authority.central();
  await using central = await startAcceptor(authority, { identity });
  const other = authority.central();
  const { keyPem, chainPem } = other;
  for (const [bad, reason] of [
    [{ keyPem: authority.central().keyPem, chainPem }, /does not belong/],
    [{ keyPem: "", chainPem }, /private key is not readable/],
    [{ keyPem, chainPem: "" }, /chain is empty or not readable/],
    [{ keyPem: keyPem.slice(0, -40), chainPem }, /private key is not readable/],
    [{ keyPem, chainPem: chainPem.replace("MII", "MIX") }, /chain is empty or not readable/],
    [{ keyPem: chainPem, chainPem: keyPem }, /chain is empty or not readable/],
  ] as const) {
    assert.throws(
      () => {
        central.acceptor.replaceIdentity(bad);
      },
      (error) => {
        assert.ok(isTautlineError(error));
        assert.equal(error.code, "link.identity_rejected");
        assert.match(error.message, reason);
        assert.equal(error.cause, undefined);
        return true;
      },
    );
    const client = await connectTo(central);
    assert.equal(client.getPeerX509Certificate()?.serialNumber.toLowerCase(), identity.serial);
    client.destroy();
  }
  assert.throws(
    () =>
      createTlsAcceptor({
        identity: { keyPem: "", chainPem },
        clientRootsPem: "",
        judgeClient: () => ({ level: "tls" }),
        handshakeTimeoutMs: 1000,
        now: testNow,
        onSecured: () => {},
        onFailed: () => {},
      }),
    (error) => isTautlineError(error) && error.code === "link.identity_rejected",
  );
});

test("what a callback throws closes that connection, is reported, and harms no other", async () => {
  let mistakes = 0;
  await using central = await startAcceptor(authority, {
    judgeClient: (leaf) => {
      if (leaf !== undefined) {
        throw new RangeError("a mistake in the judge");
      }
      return { level: "tls" };
    },
    onSecured: () => {
      mistakes += 1;
      throw new TautlineError("central.stopping");
    },
  });
  const withCertificate = await connectTo(central, authority.agent("agent-client"));
  withCertificate.on("error", () => {});
  const judged = await central.nextFailure();
  assert.equal(judged.error.code, "internal.unexpected");
  assert.ok(judged.error.cause instanceof RangeError);
  await once(withCertificate.resume(), "close");

  const without = await connectTo(central);
  without.on("error", () => {});
  assert.equal((await central.nextFailure()).error.code, "central.stopping");
  await once(without.resume(), "close");
  assert.equal(mistakes, 1);
});

test("a reporter of failures that fails itself does not end the process", async () => {
  await using central = await startAcceptor(authority, {
    onFailed: () => {
      throw new Error("the log is full");
    },
  });
  await sendPlain(central, "GET / HTTP/1.1\r\n\r\n");
  const client = await connectTo(central);
  await central.nextSecured();
  client.destroy();
});

test("a claim to mtls is worth nothing without that certificate on the socket", async () => {
  const agent = authority.agent("agent-client");
  await using central = await startAcceptor(authority, {
    judgeClient: () => ({ level: "mtls", peerId: agent.spiffeId, peerSerial: agent.serial }),
  });
  for (const identity of [undefined, authority.agent("agent-client")]) {
    const client = await connectTo(central, identity);
    client.on("error", () => {});
    assert.equal((await central.nextFailure()).error.code, "link.unproven_level");
    await once(client.resume(), "close");
  }
});

test("either end can finish sending first and still hear the other out", async () => {
  await using central = await startAcceptor(authority);
  for (const isClientFirst of [true, false]) {
    const client = await connectTo(central);
    client.allowHalfOpen = true;
    const { socket } = await central.nextSecured();
    const [first, last] = isClientFirst ? [client, socket] : [socket, client];
    const heard: Buffer[] = [];
    first.on("data", (chunk: Buffer) => heard.push(chunk));
    const ended = once(last.resume(), "end");
    const finished = once(first, "end");
    first.end();
    await ended;
    last.end("said after the other had finished");
    await finished;
    assert.equal(Buffer.concat(heard).toString(), "said after the other had finished");
  }
});

test("a reset after the handshake, while nobody listens yet, does not end the process", async () => {
  await using central = await startAcceptor(authority);
  // A relay in the middle: closing a socket that has unread bytes makes the kernel send a reset.
  const wire = connectTcp(central.port, "127.0.0.1");
  const relay = createTcpServer((caller) => {
    caller.on("error", () => {});
    wire.on("error", () => {});
    caller.pipe(wire).pipe(caller);
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const { port } = relay.address() as AddressInfo;
  const client = await connectTo(central, undefined, { port });
  client.on("error", () => {});
  const { socket } = await central.nextSecured();
  // Not events.once: that would listen for errors too.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  wire.unpipe();
  wire.pause();
  socket.resume();
  socket.write(Buffer.alloc(1024 * 1024));
  wire.destroy();
  await closed;
  client.destroy();
  relay.close();
  assert.match(String(socket.errored), /ECONNRESET|EPIPE/);
});

test("connections above the limit are dropped and reported; below it, all is well again", async () => {
  await using central = await startAcceptor(authority, { maxConnections: 2 });
  const open = [await connectTo(central), await connectTo(central)];
  const third: Socket = connectTcp(central.port, "127.0.0.1");
  third.on("error", () => {});
  await once(third.resume(), "close");
  const { error } = await central.nextFailure();
  assert.equal(error.code, "link.too_many");
  assert.match(error.message, /127\.0\.0\.1:\d+ was dropped: 2 are open/);
  const { socket } = await central.nextSecured();
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
  open.push(await connectTo(central));
  for (const client of open) {
    client.destroy();
  }
});

test("where no client roots are given, nobody is asked for a certificate", async () => {
  await using central = await startAcceptor(authority, { clientRootsPem: "" });
  const client = await connectTo(central, authority.agent("agent-client"));
  const { socket, evidence } = await central.nextSecured();
  assert.equal(socket.getPeerX509Certificate(), undefined);
  assert.equal(evidence.level, "tls");
  client.destroy();
});
