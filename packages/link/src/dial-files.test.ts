import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createServer, type TlsOptions } from "node:tls";
import { certificatesFromPem, serialOf, spkiPin } from "@tautline/pki";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { createOpensslPki, type OpensslCertificate } from "@tautline/testing";
import { dialByFiles, type FileDialOptions } from "./dial-files.ts";
import type { ServerTrust } from "./server-trust.ts";

const folder = mkdtempSync(join(tmpdir(), "tautline-dial-files-"));
after(() => rmSync(folder, { recursive: true }));
const pki = createOpensslPki(folder);

const CA = "basicConstraints=critical,CA:TRUE";
const SAN = "subjectAltName=DNS:localhost,DNS:*.example.org,IP:127.0.0.1";
/** As `openssl req -x509` makes it: no key usage. */
const ca = pki.issue({ name: "ca", extensions: [CA] });
const stranger = pki.issue({ name: "stranger", extensions: [CA] });
const middle = pki.issue({ name: "middle", issuer: ca, extensions: [CA] });
const leafOf = (name: string, ...extensions: readonly string[]): OpensslCertificate =>
  pki.issue({ name, issuer: ca, extensions });
const server = leafOf("server", SAN);
const below = pki.issue({ name: "below", issuer: middle, extensions: [SAN] });
const client = leafOf("client", "extendedKeyUsage=clientAuth");
const selfSigned = pki.issue({ name: "self", extensions: [CA, SAN] });
const nameless = leafOf("localhost", "basicConstraints=CA:FALSE");

interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Bytes of the application that it heard. */
  heard(): number;
}

async function serve(
  shown: OpensslCertificate,
  options: TlsOptions & { readonly chain?: readonly OpensslCertificate[] } = {},
): Promise<TestServer> {
  const { chain = [], ...tls } = options;
  let heard = 0;
  const cert = [shown, ...chain].map((each) => each.certificatePem).join("");
  const listening = createServer({ key: shown.keyPem, cert, ...tls }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => (heard += bytes.length));
  });
  listening.on("tlsClientError", () => {});
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    heard: () => heard,
    [Symbol.asyncDispose]: async () => {
      const closed = once(listening, "close");
      listening.close();
      await closed;
    },
  };
}

function trusting(...certificates: readonly OpensslCertificate[]): ServerTrust {
  const authorities = certificates.flatMap((each) => certificatesFromPem(each.certificatePem));
  return { authorities, pins: [] };
}

function pinning(...certificates: readonly OpensslCertificate[]): ServerTrust {
  const pins = trusting(...certificates).authorities?.map((each) => spkiPin(each)) ?? [];
  return { authorities: undefined, pins };
}

function options(port: number, trust: ServerTrust): FileDialOptions {
  return { host: "localhost", port, trust, timeoutMs: 10_000, now: Date.now };
}

function identityOf({ keyPem, certificatePem }: OpensslCertificate): FileDialOptions["identity"] {
  return { keyPem, chainPem: certificatePem };
}

async function refuses(
  dialled: Promise<unknown>,
  code: ErrorCode,
  sentence: RegExp = /./,
): Promise<void> {
  await assert.rejects(dialled, (error) => {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, sentence);
    return true;
  });
}

/** Every name is this host. */
const lookup: FileDialOptions["lookup"] = (_host, how, done) =>
  how.all === true ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);

describe("dialling by the files of an existing PKI (SW-5 to SW-8)", () => {
  it("by a CA file: level tls, server proven, group shown, no identity of this fleet", async () => {
    await using at = await serve(server);
    const { socket, evidence } = await dialByFiles(options(at.port, trusting(stranger, ca)));
    socket.destroy();
    assert.equal(evidence.level, "tls");
    assert.equal(evidence.protocol, "TLSv1.3");
    assert.equal(evidence.group, "X25519MLKEM768");
    assert.deepEqual(
      [evidence.pq, evidence.serverProven, evidence.clientProven, evidence.forwardSecret],
      [true, true, false, true],
    );
    assert.equal(evidence.peerId, null);
    const [leaf] = certificatesFromPem(server.certificatePem);
    assert.ok(leaf !== undefined);
    assert.equal(evidence.peerSerial, serialOf(leaf));
  });

  it("TLS 1.2 with an ephemeral exchange is taken from old servers, and evidence says so", async () => {
    for (const ecdhCurve of ["X25519", "P-256"]) {
      await using at = await serve(server, { maxVersion: "TLSv1.2", ecdhCurve });
      const { socket, evidence } = await dialByFiles(options(at.port, trusting(ca)));
      socket.destroy();
      assert.equal(evidence.protocol, "TLSv1.2");
      assert.match(evidence.cipher ?? "", /^ECDHE-.*GCM/);
      assert.deepEqual([evidence.group, evidence.pq], [ecdhCurve, false]);
    }
  });

  it("other TLS 1.2 and older is refused with a sentence that says what is missing", async () => {
    const rsa = pki.issue({ name: "rsa", key: "rsa", issuer: ca, extensions: [SAN] });
    const cbc = "ECDHE-RSA-AES128-SHA:AES128-GCM-SHA256";
    await using at = await serve(rsa, { maxVersion: "TLSv1.2", ciphers: cbc });
    await refuses(dialByFiles(options(at.port, trusting(ca))), "link.server_too_old");
  });

  it("with a certificate that the server asks for: mtls on TLS 1.3 and 1.2", async () => {
    for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
      await using at = await serve(server, {
        maxVersion,
        requestCert: true,
        ca: ca.certificatePem,
      });
      const dialled = { ...options(at.port, trusting(ca)), identity: identityOf(client) };
      const { socket, evidence } = await dialByFiles(dialled);
      socket.destroy();
      assert.deepEqual([evidence.level, evidence.clientProven], ["mtls", true]);
    }
  });

  it("a server that does not ask for it is refused: mutual is never traded for tls (SW-7)", async () => {
    for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
      await using at = await serve(server, { maxVersion });
      const dialled = { ...options(at.port, trusting(ca)), identity: identityOf(client) };
      await refuses(dialByFiles(dialled), "link.certificate_unwanted");
      assert.equal(at.heard(), 0);
    }
  });

  it("by address: the address has to stand in the certificate", async () => {
    await using at = await serve(server);
    const dialled = { ...options(at.port, trusting(ca)), host: "127.0.0.1" };
    (await dialByFiles(dialled)).socket.destroy();
    await using other = await serve(leafOf("elsewhere", "subjectAltName=DNS:localhost"));
    await refuses(
      dialByFiles({ ...dialled, port: other.port }),
      "link.server_unproven",
      /DNS:localhost, not for 127\.0\.0\.1/,
    );
  });

  const refused: readonly [string, () => OpensslCertificate, ErrorCode, RegExp][] = [
    [
      "of another authority",
      () => pki.issue({ name: "x", issuer: stranger, extensions: [SAN] }),
      "link.server_unproven",
      /No path leads/,
    ],
    [
      "with the host as common name only (SW-4)",
      () => pki.issue({ name: "localhost", issuer: ca }),
      "link.server_unnamed",
      /CN=localhost/,
    ],
    [
      "for another host",
      () => leafOf("wrong", "subjectAltName=DNS:other.example"),
      "link.server_unproven",
      /not for localhost/,
    ],
    [
      "for clients only",
      () => leafOf("cl", SAN, "extendedKeyUsage=clientAuth"),
      "link.server_unproven",
      /may not be used as a server/,
    ],
    [
      "that cannot sign",
      () => leafOf("enc", SAN, "keyUsage=keyEncipherment"),
      "link.server_unproven",
      /does not include signing/,
    ],
    [
      "of an authority",
      () => leafOf("sub", SAN, CA),
      "link.server_unproven",
      /it is an authority's/,
    ],
    [
      "by a leaf that plays authority",
      () => pki.issue({ name: "y", issuer: server, extensions: [SAN] }),
      "link.server_unproven",
      /lacks the CA bit|No path/,
    ],
    ["self-signed and unknown", () => selfSigned, "link.server_unproven", /No path leads/],
  ];
  for (const [what, make, code, sentence] of refused) {
    it(`a certificate ${what} is refused before a byte is sent`, async () => {
      const shown = make();
      await using at = await serve(shown, { chain: shown.name === "y" ? [server] : [] });
      await refuses(dialByFiles(options(at.port, trusting(ca))), code, sentence);
      assert.equal(at.heard(), 0);
    });
  }

  it("a certificate whose time is over, or not come, is refused by this host's clock", async () => {
    await using at = await serve(server);
    const dialled = options(at.port, trusting(ca));
    const day = 86_400_000;
    const later = { ...dialled, now: () => Date.now() + 31 * day };
    await refuses(dialByFiles(later), "link.server_unproven", /expired/);
    const sooner = { ...dialled, now: () => Date.now() - day };
    await refuses(dialByFiles(sooner), "link.server_unproven", /valid only from/);
  });

  it("a chain with an intermediate is followed if the server sends it, from the root or from the intermediate as CA file", async () => {
    await using at = await serve(below, { chain: [middle] });
    for (const trust of [trusting(ca), trusting(middle)]) {
      (await dialByFiles(options(at.port, trust))).socket.destroy();
    }
    await using without = await serve(below);
    (await dialByFiles(options(without.port, trusting(ca, middle)))).socket.destroy();
    await refuses(dialByFiles(options(without.port, trusting(ca))), "link.server_unproven");
  });

  it("a self-signed server certificate is its own CA file, and still has to name the host", async () => {
    await using at = await serve(selfSigned);
    const dialled = options(at.port, trusting(selfSigned));
    (await dialByFiles(dialled)).socket.destroy();
    const elsewhere = pki.issue({ name: "other", extensions: [CA, "subjectAltName=DNS:other"] });
    await using other = await serve(elsewhere);
    await refuses(
      dialByFiles(options(other.port, trusting(elsewhere))),
      "link.server_unproven",
      /not for localhost/,
    );
  });

  it("a pinned leaf is known by its key, whatever its names; a pinned authority certifies hosts by name", async () => {
    await using at = await serve(nameless);
    (await dialByFiles(options(at.port, pinning(nameless)))).socket.destroy();
    await using pinless = await serve(server);
    await refuses(
      dialByFiles(options(pinless.port, pinning(nameless))),
      "link.server_unproven",
      /no key that is pinned/,
    );
    await using named = await serve(below, { chain: [middle] });
    (await dialByFiles(options(named.port, pinning(middle)))).socket.destroy();
    await using misnamed = await serve(nameless, { chain: [ca] });
    await refuses(dialByFiles(options(misnamed.port, pinning(ca))), "link.server_unnamed");
  });

  it("an authority's certificate that is merely sent along lets nobody in by its pin", async () => {
    const faked = pki.issue({ name: "faked", issuer: stranger, extensions: [SAN] });
    await using at = await serve(faked, { chain: [ca] });
    await refuses(dialByFiles(options(at.port, pinning(ca))), "link.server_unproven");
    const both = { authorities: trusting(stranger).authorities, pins: pinning(ca).pins };
    await refuses(
      dialByFiles(options(at.port, both)),
      "link.server_unproven",
      /no key of its chain/,
    );
  });

  it("with authorities and pins both must hold", async () => {
    await using at = await serve(server);
    const { authorities } = trusting(ca);
    for (const [pinned, isFine] of [
      [ca, true],
      [server, true],
      [stranger, false],
    ] as const) {
      const trust = { authorities, pins: pinning(pinned).pins };
      const dialled = dialByFiles(options(at.port, trust));
      if (isFine) (await dialled).socket.destroy();
      else await refuses(dialled, "link.server_unproven", /pinned/);
    }
  });

  it("no authorities and no pins trust nobody", async () => {
    await using at = await serve(server);
    for (const trust of [
      { authorities: [], pins: [] },
      { authorities: undefined, pins: [] },
    ]) {
      await refuses(dialByFiles(options(at.port, trust)), "link.server_unproven");
    }
  });

  it("a wildcard stands for one label", async () => {
    await using at = await serve(server);
    const dialled = { ...options(at.port, trusting(ca)), lookup };
    (await dialByFiles({ ...dialled, host: "a.example.org" })).socket.destroy();
    for (const host of ["a.b.example.org", "example.org"]) {
      await refuses(dialByFiles({ ...dialled, host }), "link.server_unproven", /not for/);
    }
  });
});
