import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { certificatesFromPem, spkiPin } from "@tautline/pki";
import { createOpensslPki, type OpensslCertificate } from "@tautline/testing";
import { createFleetAuthority, testNow } from "../test/fleet-authority.ts";
import { startAcceptor, type RunningAcceptor } from "../test/running-acceptor.ts";
import { foreignOf, markOf } from "./accept-tls.ts";
import { createClientJudge, type JudgeClient } from "./client-judge.ts";
import { dialMutual, dialPinned } from "./dial-tls.ts";
import { withForeignClients } from "./foreign-judge.ts";
import { centralServerName, rootsPem, type TlsIdentity } from "./tls-settings.ts";

const folder = mkdtempSync(join(tmpdir(), "tautline-foreign-"));
after(() => rmSync(folder, { recursive: true }));
const pki = createOpensslPki(folder);
const authority = createFleetAuthority();
const fleetName = authority.trustDomain;

const CA = "basicConstraints=critical,CA:TRUE";
const ca = pki.issue({ name: "ca", extensions: [CA] });
const server = pki.issue({
  name: "server",
  issuer: ca,
  extensions: ["subjectAltName=DNS:localhost"],
});
const client = pki.issue({ name: "client", issuer: ca, extensions: ["basicConstraints=CA:FALSE"] });
const [foreignRoot] = certificatesFromPem(ca.certificatePem);
assert.ok(foreignRoot !== undefined);

const own = createClientJudge({
  trustDomain: fleetName,
  roots: () => [authority.root],
  isRevoked: () => false,
  now: testNow,
});
// The openssl command dates by the host's clock.
const both = (judge = own): JudgeClient =>
  withForeignClients(judge, { authorities: () => [foreignRoot], now: Date.now });

function identityOf({ keyPem, certificatePem }: OpensslCertificate): TlsIdentity {
  return { keyPem, chainPem: certificatePem };
}

const front = {
  identity: identityOf(server),
  clientRootsPem: rootsPem([authority.root, foreignRoot]),
};

function withFiles(): Promise<RunningAcceptor> {
  return startAcceptor(authority, {
    ownName: centralServerName(fleetName),
    judgeClient: both(),
  });
}

async function connectTo(
  { port }: RunningAcceptor,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  return socket;
}

async function shownTo(at: RunningAcceptor, options?: ConnectionOptions): Promise<string> {
  const socket = await connectTo(at, options);
  const { socket: accepted } = await at.nextSecured();
  const subject = socket.getPeerX509Certificate()?.subject ?? "none";
  const sharedGroup = socket.getEphemeralKeyInfo();
  assert.equal(Reflect.get(sharedGroup ?? {}, "name"), "X25519MLKEM768");
  assert.equal(socket.getProtocol(), "TLSv1.3");
  socket.destroy();
  accepted.destroy();
  return subject;
}

describe("a port with the certificate of an existing PKI beside central's own (SW-8, SWP-6)", () => {
  it("shows the other certificate to whoever does not ask for the own name, and the own one to who does", async () => {
    await using at = await withFiles();
    assert.notEqual(await shownTo(at), "CN=server");
    at.acceptor.replaceOthers(front);
    assert.equal(await shownTo(at), "CN=server");
    assert.equal(await shownTo(at, { servername: "localhost" }), "CN=server");
    const servername = centralServerName(fleetName);
    assert.notEqual(await shownTo(at, { servername }), "CN=server");
    assert.notEqual(await shownTo(at, { servername: servername.toUpperCase() }), "CN=server");
    at.acceptor.replaceOthers(undefined);
    assert.notEqual(await shownTo(at), "CN=server");
  });

  it("our own diallers go on by address: pinned and mutual, before, while and after it is renewed", async () => {
    await using at = await withFiles();
    const dialling = {
      host: "127.0.0.1",
      port: at.port,
      trustDomain: fleetName,
      timeoutMs: 10_000,
      now: testNow,
    };
    const identity = authority.agent("agent-client");
    const dialBoth = async (): Promise<void> => {
      const pinned = await dialPinned({ ...dialling, pins: [spkiPin(authority.root)] });
      const first = await at.nextSecured();
      const mutual = await dialMutual({ ...dialling, roots: [authority.root], identity });
      const second = await at.nextSecured();
      for (const { socket } of [pinned, first, mutual, second]) socket.destroy();
      assert.equal(mutual.evidence.level, "mtls");
    };
    await dialBoth();
    at.acceptor.replaceOthers(front);
    await dialBoth();
    const renewed = authority.central();
    at.acceptor.replaceIdentity(renewed);
    await dialBoth();
    assert.equal(await shownTo(at), "CN=server");
  });

  it("a pair that does not fit is refused, and what was shown goes on", async () => {
    await using at = await withFiles();
    at.acceptor.replaceOthers(front);
    const torn = { keyPem: client.keyPem, chainPem: server.certificatePem };
    const other = { ...front, identity: torn };
    assert.throws(() => at.acceptor.replaceOthers(other), { code: "link.identity_rejected" });
    assert.equal(await shownTo(at), "CN=server");
  });

  it("a client of that PKI is mtls with its serial and key, and with no identity of this fleet", async () => {
    await using at = await withFiles();
    at.acceptor.replaceOthers(front);
    const socket = await connectTo(at, { key: client.keyPem, cert: client.certificatePem });
    const { socket: accepted, evidence, refusal } = await at.nextSecured();
    const [leaf] = certificatesFromPem(client.certificatePem);
    assert.ok(leaf !== undefined);
    const serial = leaf.serialNumber.toLowerCase().replace(/^(?:00)+/, "");
    assert.equal(refusal, undefined);
    assert.deepEqual(
      [evidence.level, evidence.clientProven, evidence.peerId, evidence.peerSerial],
      ["mtls", true, null, serial],
    );
    const keyPin = spkiPin(leaf).toString("hex");
    assert.deepEqual(foreignOf(accepted), {
      subject: "CN=client",
      serial,
      keyPin,
      expiresAtMs: leaf.validToDate.getTime(),
    });
    assert.equal(markOf(accepted), undefined);
    socket.destroy();
    accepted.destroy();
  });

  it("our own agents are judged by our own judge, also where they do not ask for the own name", async () => {
    await using at = await withFiles();
    at.acceptor.replaceOthers(front);
    const agent = authority.agent("agent-client");
    const socket = await connectTo(at, { key: agent.keyPem, cert: agent.chainPem });
    const { socket: accepted, evidence } = await at.nextSecured();
    assert.equal(evidence.peerId, agent.spiffeId);
    assert.equal(foreignOf(accepted), undefined);
    socket.destroy();
    accepted.destroy();
  });
});

function codeOf(verdict: ReturnType<JudgeClient>): string {
  return "refuse" in verdict ? verdict.refuse.code : "accepted";
}

describe("judging clients of an existing PKI", () => {
  const judge = both();
  const judgeOf = (
    shown: OpensslCertificate,
    intermediates: readonly OpensslCertificate[] = [],
    by: JudgeClient = judge,
  ): ReturnType<JudgeClient> => {
    const [leaf, ...rest] = [shown, ...intermediates].flatMap((each) =>
      certificatesFromPem(each.certificatePem),
    );
    return by(leaf, rest);
  };
  it("no certificate stays level tls", () => {
    assert.deepEqual(judge(undefined, []), { level: "tls" });
  });

  it("a SPIFFE ID of our fleet in a foreign certificate gives no identity", () => {
    const uri = `URI:spiffe://default.${fleetName}/agent/0193f0a0-0000-7000-8000-000000000000`;
    const faked = pki.issue({ name: "faked", issuer: ca, extensions: [`subjectAltName=${uri}`] });
    const verdict = judgeOf(faked);
    assert.ok("foreign" in verdict);
    assert.equal("peerId" in verdict, false);
    const central = pki.issue({
      name: "faked-central",
      issuer: ca,
      extensions: [`subjectAltName=URI:spiffe://${fleetName}/central`],
    });
    assert.ok("foreign" in judgeOf(central));
  });

  it("an intermediate that is sent along is followed", () => {
    const middle = pki.issue({ name: "middle", issuer: ca, extensions: [CA] });
    const below = pki.issue({
      name: "below",
      issuer: middle,
      extensions: ["basicConstraints=CA:FALSE"],
    });
    assert.equal(codeOf(judgeOf(below, [middle])), "accepted");
    assert.equal(codeOf(judgeOf(below)), "pki.chain_untrusted");
  });

  it("another PKI's client, a server's certificate and an authority's are refused", () => {
    const stranger = pki.issue({ name: "stranger", extensions: [CA] });
    const theirs = pki.issue({
      name: "theirs",
      issuer: stranger,
      extensions: ["basicConstraints=CA:FALSE"],
    });
    assert.equal(codeOf(judgeOf(theirs)), "pki.chain_untrusted");
    const onlyServer = pki.issue({
      name: "s",
      issuer: ca,
      extensions: ["extendedKeyUsage=serverAuth"],
    });
    assert.equal(codeOf(judgeOf(onlyServer)), "pki.chain_wrong_purpose");
    const sub = pki.issue({ name: "sub", issuer: ca, extensions: [CA] });
    assert.equal(codeOf(judgeOf(sub)), "pki.chain_wrong_purpose");
  });

  it("one whose time is over is refused, and is not taken for a late agent", () => {
    const late = withForeignClients(own, {
      authorities: () => [foreignRoot],
      now: () => Date.now() + 40 * 86_400_000,
    });
    const verdict = judgeOf(client, [], late);
    assert.match(codeOf(verdict), /^pki\.chain_(?:issuer_)?expired$/);
    assert.equal("lapsed" in verdict, false);
  });

  it("authorities that were taken away count at the next connection", () => {
    const none = withForeignClients(own, { authorities: () => [], now: Date.now });
    assert.equal(codeOf(judgeOf(client, [], none)), "pki.chain_untrusted");
  });
});
