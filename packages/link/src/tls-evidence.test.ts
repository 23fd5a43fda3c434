import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  connect,
  createServer,
  type ConnectionOptions,
  type TLSSocket,
  type TlsOptions,
} from "node:tls";
import { isTautlineError } from "@tautline/protocol";
import { createFleetAuthority, testNow } from "../test/fleet-authority.ts";
import { evidenceOfAccepted, evidenceOfDialled } from "./tls-evidence.ts";

const authority = createFleetAuthority();
const central = authority.central();
const agent = authority.agent("agent-client");
const CENTRAL = { peerId: central.spiffeId, peerSerial: central.serial };
const AGENT = { peerId: agent.spiffeId, peerSerial: agent.serial };

interface Pair extends Disposable {
  readonly accepted: TLSSocket;
  readonly dialled: TLSSocket;
}

/** Both ends of one handshake, with settings that the link itself never has. */
async function handshake(server: TlsOptions, client: ConnectionOptions = {}): Promise<Pair> {
  const secured = Promise.withResolvers<TLSSocket>();
  const listener = createServer(
    { key: central.keyPem, cert: central.chainPem, ...server },
    secured.resolve,
  );
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const dialled = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...client });
  dialled.on("error", () => {});
  const accepted = await secured.promise;
  return {
    accepted,
    dialled,
    [Symbol.dispose]: () => {
      dialled.destroy();
      accepted.destroy();
      listener.close();
    },
  };
}

function isUnproven(error: unknown): boolean {
  return isTautlineError(error) && error.code === "link.unproven_level";
}

test("a group that has no name here is null on both ends, not the nearest guess", async () => {
  const ecdhCurve = "brainpoolP256r1tls13";
  using pair = await handshake({ ecdhCurve }, { ecdhCurve });
  const accepted = evidenceOfAccepted(pair.accepted, undefined, testNow);
  const dialled = evidenceOfDialled(pair.dialled, CENTRAL, {
    showedCertificate: false,
    now: testNow,
  });
  for (const { group, pq, level } of [accepted, dialled]) {
    assert.deepEqual({ group, pq, level }, { group: null, pq: false, level: "tls" });
  }
});

test("both ends name the group alike, and say pq for every hybrid and for nothing else", async () => {
  for (const [ecdhCurve, pq] of [
    ["X25519MLKEM768", true],
    ["SecP256r1MLKEM768", true],
    ["X25519", false],
    ["P-256", false],
    ["P-384", false],
  ] as const) {
    using pair = await handshake({ ecdhCurve }, { ecdhCurve });
    const accepted = evidenceOfAccepted(pair.accepted, undefined, testNow);
    const dialled = evidenceOfDialled(pair.dialled, CENTRAL, {
      showedCertificate: false,
      now: testNow,
    });
    for (const evidence of [accepted, dialled]) {
      assert.deepEqual({ group: evidence.group, pq: evidence.pq }, { group: ecdhCurve, pq });
    }
  }
});

test("TLS 1.2 is no level here, on either end", async () => {
  using pair = await handshake({}, { maxVersion: "TLSv1.2" });
  assert.throws(() => evidenceOfAccepted(pair.accepted, undefined, testNow), isUnproven);
  assert.throws(
    () => evidenceOfDialled(pair.dialled, CENTRAL, { showedCertificate: false, now: testNow }),
    isUnproven,
  );
});

test("A28: a resumed connection is no level here, because no certificate took part in it", async () => {
  const listener = createServer({ key: central.keyPem, cert: central.chainPem });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const options = { host: "127.0.0.1", port, rejectUnauthorized: false };
  const first = connect(options).resume();
  const [session] = (await once(first, "session")) as [Buffer];
  first.destroy();
  const accepted = once(listener, "secureConnection");
  const second = connect({ ...options, session });
  const [socket] = (await accepted) as [TLSSocket];
  assert.equal(socket.isSessionReused(), true);
  assert.throws(() => evidenceOfAccepted(socket, undefined, testNow), isUnproven);
  assert.throws(
    () => evidenceOfDialled(second, CENTRAL, { showedCertificate: false, now: testNow }),
    isUnproven,
  );
  second.destroy();
  socket.destroy();
  listener.close();
});

test("a peer is proven only by the certificate on this very socket", async () => {
  using anonymous = await handshake({ requestCert: true, rejectUnauthorized: false });
  assert.throws(() => evidenceOfAccepted(anonymous.accepted, AGENT, testNow), isUnproven);
  using pair = await handshake(
    { requestCert: true, rejectUnauthorized: false },
    { key: agent.keyPem, cert: agent.chainPem },
  );
  assert.equal(evidenceOfAccepted(pair.accepted, AGENT, testNow).level, "mtls");
  const other = { ...AGENT, peerSerial: authority.agent("agent-client").serial };
  assert.throws(() => evidenceOfAccepted(pair.accepted, other, testNow), isUnproven);
  const now = testNow;
  assert.equal(
    evidenceOfDialled(pair.dialled, CENTRAL, { showedCertificate: true, now }).level,
    "mtls",
  );
  assert.throws(
    () => evidenceOfDialled(pair.dialled, AGENT, { showedCertificate: true, now }),
    isUnproven,
  );
});

test("mutual is not claimed where the server did not ask for a certificate", async () => {
  using pair = await handshake({}, { key: agent.keyPem, cert: agent.chainPem });
  assert.throws(
    () => evidenceOfDialled(pair.dialled, CENTRAL, { showedCertificate: true, now: testNow }),
    isUnproven,
  );
});
