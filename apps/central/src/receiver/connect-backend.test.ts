import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { after, before, describe, it } from "node:test";
import { certificatesFromPem, spkiPin } from "@tautline/pki";
import { createOpensslPki, type OpensslCertificate, withTempFolder } from "@tautline/testing";
import { refusalOf } from "../fixture-checks.test.ts";
import { type BackendPlace, connectBackend } from "./connect-backend.ts";

const CA = "basicConstraints=critical,CA:TRUE";
const SAN = "subjectAltName=DNS:localhost,IP:127.0.0.1";
const own = { ports: () => [9150], addresses: () => ["192.0.2.1"] };
const deps = { own, now: Date.now };
const never = new AbortController().signal;

const place = (target: string, change: Partial<BackendPlace["backend"]> = {}): BackendPlace => ({
  backend: { name: "oap", protocol: "grpc", tls: "off", trust: "", alsoLocal: false, ...change },
  target,
});

interface Pki {
  readonly root: OpensslCertificate;
  readonly other: OpensslCertificate;
  readonly server: OpensslCertificate;
}

const at = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

const pinOf = ({ certificatePem }: OpensslCertificate): string =>
  certificatesFromPem(certificatePem)
    .map((each) => spkiPin(each).toString("base64url"))
    .join();

const toLoopback = async () => ["127.0.0.1"];

describe("connectBackend", () => {
  let pki: Pki;
  let secure: Server;
  let plain: Server;

  before(async () => {
    await withTempFolder(async (folder) => {
      const openssl = createOpensslPki(folder);
      const root = openssl.issue({ name: "root", extensions: [CA] });
      const other = openssl.issue({ name: "other", extensions: [CA] });
      const server = openssl.issue({ name: "backend", issuer: root, extensions: [SAN] });
      pki = { root, other, server };
    });
    const { keyPem: key, certificatePem: cert } = pki.server;
    secure = createTlsServer({ key, cert, ALPNProtocols: ["h2"] }, (socket) => {
      socket.on("error", () => {});
      socket.end("secure");
    }).on("tlsClientError", () => {});
    plain = createTcpServer((socket) => socket.on("error", () => {}).end("plain"));
    secure.on("connection", (socket) => socket.on("error", () => {}));
    for (const server of [secure, plain]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
  });
  after(() => {
    secure.close();
    plain.close();
  });

  it("reaches a backend without TLS at the very address that was named", async () => {
    const socket = await connectBackend(deps, place(at(plain)), never);
    assert.equal(String(await once(socket, "data")), "plain");
    socket.destroy();
  });

  it("reaches one with TLS by its authority, and by its pin, and speaks HTTP/2 inside", async () => {
    for (const change of [
      { tls: "ca", trust: pki.root.certificatePem },
      { tls: "pin", trust: `${pinOf(pki.other)},${pinOf(pki.server)}` },
    ] as const) {
      const socket = await connectBackend(deps, place(at(secure), change), never);
      assert.ok(socket instanceof TLSSocket);
      assert.equal(socket.alpnProtocol, "h2");
      socket.destroy();
    }
  });

  it("A15: sends not a byte to one that another authority or key stands for", async () => {
    for (const change of [
      { tls: "ca", trust: pki.other.certificatePem },
      { tls: "pin", trust: pinOf(pki.other) },
    ] as const) {
      const refusal = await refusalOf(() => connectBackend(deps, place(at(secure), change), never));
      assert.equal(refusal.code, "receiver.backend_unreachable");
      assert.match(refusal.message, /Central cannot reach backend 'oap':/);
    }
  });

  it("says so where TLS meets a backend that does not speak it", async () => {
    const change = { tls: "ca", trust: pki.root.certificatePem } as const;
    const refusal = await refusalOf(() => connectBackend(deps, place(at(plain), change), never));
    assert.equal(refusal.code, "receiver.backend_unreachable");
  });

  it("A12: judges the address that a name really has, and connects nowhere else", async () => {
    for (const [address, target] of [
      ["127.0.0.1", `backend.example:${at(plain).split(":")[1]}`],
      ["169.254.169.254", "backend.example:80"],
      ["192.0.2.1", "backend.example:9150"],
    ] as const) {
      const lookup = async () => [address];
      const asked = () => connectBackend({ ...deps, lookup }, place(target), never);
      assert.equal((await refusalOf(asked)).code, "receiver.backend_forbidden");
    }
    const local = place(`backend.example:${at(plain).split(":")[1]}`, { alsoLocal: true });
    const socket = await connectBackend({ ...deps, lookup: toLoopback }, local, never);
    socket.destroy();
  });

  it("names a backend that nobody listens for, and not its address", async () => {
    const refusal = await refusalOf(() => connectBackend(deps, place("127.0.0.1:1"), never));
    assert.equal(refusal.code, "receiver.backend_unreachable");
    assert.match(refusal.message, /nothing listens on its port/);
    assert.doesNotMatch(refusal.message, /127\.0\.0\.1/);
  });

  it("is called off by its signal", async () => {
    const off = AbortSignal.abort(new Error("off"));
    await assert.rejects(connectBackend(deps, place(at(plain)), off), /off/);
  });
});
