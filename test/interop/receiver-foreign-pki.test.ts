/** Callers of the receiver with certificates of an existing PKI, by @grpc/grpc-js, curl and openssl: what each end says of a pair that does not fit. */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  createOpensslPki,
  type OpensslCertificate,
  type OpensslPki,
  withTempFolder,
} from "@tautline/testing";
import { type EchoBackend, grpcCaller, startEcho, tlsCredentials } from "../grpc-peers.ts";
import { type Held, holdOpen } from "../hold-open.ts";
import {
  describeCentral,
  type Items,
  launchCentral,
  type RunningCentral,
} from "../running-central.ts";
import { logged, runPeer } from "./level-central.ts";
import { openReceiverPort } from "./telemetry/receiver-way.ts";

const CA = ["basicConstraints=critical,CA:TRUE"];
const HERE = ["subjectAltName=DNS:localhost,IP:127.0.0.1"];

type Row = Readonly<Record<string, unknown>>;

type Scene = Held<{
  readonly central: RunningCentral;
  readonly port: number;
  readonly pki: OpensslPki;
  readonly root: OpensslCertificate;
  readonly echo: EchoBackend;
  readonly posted: Row[];
}>;

/** As tools on Windows write them. */
const crlf = (text: string): string => text.replaceAll("\n", "\r\n");

/** A central that shows a certificate of an existing PKI, and takes its clients, as central.yaml says. */
function openScene(): Promise<Scene> {
  return holdOpen((give) =>
    withTempFolder(async (folder) => {
      const made = join(folder, "pki");
      mkdirSync(made);
      const pki = createOpensslPki(made);
      const root = pki.issue({ name: "house-root", extensions: CA });
      const server = pki.issue({
        name: "house-server",
        key: "rsa",
        issuer: root,
        extensions: HERE,
      });
      // SW-3: PKCS#1 with CRLF, which breaks where the Java agent reads it.
      pki.run("pkey", "-in", server.keyFile, "-traditional", "-out", "server.pkcs1");
      const key = join(made, "server.crlf");
      const pkcs1 = readFileSync(join(made, "server.pkcs1"), "utf8");
      assert.match(pkcs1, /BEGIN RSA PRIVATE KEY/);
      writeFileSync(key, crlf(pkcs1), { mode: 0o600 });
      const chain = join(made, "server.crlf.crt");
      writeFileSync(chain, crlf(server.certificatePem));
      const files = { certificateFile: chain, keyFile: key, clientCaFile: root.certificateFile };
      const config = join(folder, "central.yaml");
      writeFileSync(config, JSON.stringify({ agents: { files } }));
      const dataDir = join(folder, "central");
      await using process = launchCentral(dataDir, undefined, { config });
      const central = await describeCentral(process, dataDir, folder);
      await using echo = await startEcho();
      const posted: Row[] = [];
      const http = createServer((incoming, answer) => {
        posted.push(incoming.headers);
        incoming.resume().once("end", () => answer.end("taken"));
      });
      http.listen(0, "127.0.0.1");
      await once(http, "listening");
      const { port: to } = http.address() as AddressInfo;
      const mtls = { levels: ["mtls"] };
      const backends = [
        { name: "echo", targets: [`127.0.0.1:${echo.port}`] },
        { name: "otlp", protocol: "http", targets: [`127.0.0.1:${to}`] },
      ];
      for (const each of backends)
        await central.call("POST", "/api/v1/backends", { ...each, ...mtls });
      const port = await openReceiverPort(central);
      await give({ central, port, pki, root, echo, posted });
      http.close();
      await process.kill("SIGTERM");
    }),
  );
}

const pinOf = (pem: string): string =>
  createHash("sha256")
    .update(new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");

const linksOf = async ({ central }: Scene): Promise<readonly Row[]> =>
  (await central.call<Items<Row>>("GET", "/api/v1/links?kind=receiver")).items;

describe("callers of an existing PKI at the receiver", () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene();
  });
  after(() => scene[Symbol.asyncDispose]());

  const callerOf = (ca: OpensslCertificate, key: string, chain: string) =>
    grpcCaller(
      scene.port,
      tlsCredentials(Buffer.from(ca.certificatePem), Buffer.from(key), Buffer.from(chain)),
    );

  const curl = (ca: OpensslCertificate, ...pair: readonly string[]) => {
    const how = ["--silent", "--show-error", "--cacert", ca.certificateFile, ...pair];
    const post = ["--data-binary", "body", `https://localhost:${scene.port}/v1/traces`];
    return runPeer("curl", [...how, ...post]);
  };

  /** Whoever knows the order of two lines of log knows nothing: each test looks for its own client. */
  const client = (name: string, issuer: OpensslCertificate, key: "rsa" | "ec" = "rsa") =>
    scene.pki.issue({ name, issuer, ...(key === "rsa" && { key }), extensions: HERE });

  it("SW-3, SW-8, SWP-6: its clients are let in by keys in PKCS#1 and PKCS#8, with CRLF too, over gRPC and HTTP, and told and listed by their key", async () => {
    const { pki, root, echo, posted } = scene;
    const { keyFile, keyPem, certificatePem, certificateFile } = client("shop", root);
    pki.run("pkey", "-in", keyFile, "-traditional", "-out", "shop.pkcs1");
    const pkcs1 = join(keyFile, "..", "shop.pkcs1");
    const identity = `certificate:${pinOf(certificatePem)}`;
    for (const [key, chain] of [
      [readFileSync(pkcs1, "utf8"), certificatePem],
      [keyPem, certificatePem],
      [crlf(keyPem), crlf(certificatePem)],
      [crlf(readFileSync(pkcs1, "utf8")), crlf(certificatePem)],
    ] as const) {
      using caller = callerOf(root, key, chain);
      const { status, details } = await caller.call("hello");
      assert.equal(status, "OK", details);
      assert.equal(echo.taken.at(-1)?.metadata["tautline-identity"], identity);
      const [row] = await linksOf(scene);
      assert.equal(row?.["level"], "mtls");
      assert.match(String(row?.["client"]), /CN=shop/);
      assert.match(String(row?.["certificateExpiresAt"]), /^20/);
    }
    for (const key of [keyFile, pkcs1]) {
      const { said, code } = await curl(root, "--cert", certificateFile, "--key", key);
      assert.deepEqual([said, code], ["taken", 0]);
    }
    assert.deepEqual(
      posted.map((headers) => headers["tautline-identity"]),
      [identity, identity],
    );
  });

  it("SW-8, SWP-5: a client pair of another CA is named at both ends, over gRPC and HTTP, before anything of a call goes on", async () => {
    const { pki, root, echo, posted, central } = scene;
    const calls = [echo.taken.length, posted.length];
    const other = pki.issue({ name: "other-root", extensions: CA });
    const pair = client("stranger", other);
    using caller = callerOf(root, pair.keyPem, pair.certificatePem);
    const refused = await caller.call("secret");
    assert.equal(refused.status, "PERMISSION_DENIED");
    assert.match(refused.details, /certificate '.*CN=stranger'.*pki\.chain_untrusted/s);
    const { said } = await curl(root, "--cert", pair.certificateFile, "--key", pair.keyFile);
    const problem = JSON.parse(said) as Row;
    assert.deepEqual([problem["status"], problem["code"]], [403, "pki.chain_untrusted"]);
    assert.match(String(problem["detail"]), /CN=stranger/);
    const { remedy } = await logged(central, "pki.chain_untrusted", /CN=stranger/);
    assert.ok(remedy.length > 0);
    assert.deepEqual([echo.taken.length, posted.length], calls);
    assert.ok((await linksOf(scene)).every((row) => !String(row["client"]).includes("stranger")));
  });

  it("SWP-5: a program that does not trust central's certificate says so, and central's log says which end has to change", async () => {
    const { pki, central } = scene;
    const { certificateFile } = pki.issue({ name: "strange-root", extensions: CA });
    const to = ["s_client", "-connect", `127.0.0.1:${scene.port}`, "-alpn", "h2"];
    const trust = ["-CAfile", certificateFile, "-no-CApath", "-no-CAstore", "-verify_return_error"];
    const { said } = await runPeer("openssl", [...to, ...trust]);
    assert.match(said, /verify error/);
    const { msg, remedy } = await logged(central, "link.certificate_distrusted", /unknown ca/);
    assert.match(msg, /does not accept the certificate that this end showed/);
    assert.match(remedy, /tautline certs trust/);
  });
});
