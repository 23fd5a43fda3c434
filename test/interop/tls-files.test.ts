import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { dialByFiles, type FileDialOptions } from "@tautline/link";
import { certificatesFromPem, readKeyFile, exportPrivateKey } from "@tautline/pki";
import { isTautlineError } from "@tautline/protocol";
import {
  createOpensslPki,
  launchProcess,
  withTempFolder,
  type LaunchedProcess,
  type OpensslCertificate,
  type OpensslPki,
} from "@tautline/testing";
import { describeCentral, launchCentral, type RunningCentral } from "../running-central.ts";
import { until } from "../until.ts";
import { joinByHand } from "./hand-made-agent.ts";

const CA = "basicConstraints=critical,CA:TRUE";
const SAN = "subjectAltName=DNS:localhost,IP:127.0.0.1";

interface Pki {
  readonly root: OpensslCertificate;
  readonly server: OpensslCertificate;
  readonly client: OpensslCertificate;
}

function makePki(pki: OpensslPki, name: string): Pki {
  const root = pki.issue({ name: `${name}-root`, extensions: [CA] });
  const server = pki.issue({ name: `${name}-server`, key: "rsa", issuer: root, extensions: [SAN] });
  const client = pki.issue({ name: `${name}-client`, issuer: root, extensions: [SAN] });
  return { root, server, client };
}

function put(tls: string, { root, server }: Pki): void {
  copyFileSync(root.certificateFile, join(tls, "ca.crt"));
  copyFileSync(server.certificateFile, join(tls, "server.crt"));
  copyFileSync(server.keyFile, join(tls, "server.pem"));
}

async function run(command: string, args: readonly string[]): Promise<LaunchedProcess> {
  await using process = launchProcess({ command, args, input: "" });
  await process.exited;
  return process;
}

/** The status that curl got, or how it failed; what was answered is on its standard output. */
function curl({ agentsPort }: RunningCentral, args: readonly string[]): Promise<LaunchedProcess> {
  const url = `https://localhost:${agentsPort}/v1/opamp`;
  const post = ["-H", "content-type: application/x-protobuf", "--data-binary", "x"];
  const how = ["--silent", "--show-error", "--resolve", `localhost:${agentsPort}:127.0.0.1`];
  return run("curl", [...how, ...post, ...args, url]);
}

async function withFiles(
  use: (
    central: RunningCentral,
    made: Pki & { readonly pki: OpensslPki; readonly tls: string },
  ) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    const [tls, made] = [join(dataDir, "tls"), join(folder, "pki")];
    mkdirSync(tls, { recursive: true, mode: 0o700 });
    mkdirSync(made);
    const pki = createOpensslPki(made);
    const first = makePki(pki, "first");
    put(tls, first);
    await using process = launchCentral(dataDir);
    await use(await describeCentral(process, dataDir, folder), { ...first, pki, tls });
    await process.kill("SIGTERM");
  });
}

describe("programs of an existing PKI at central's agents' port (SW-8)", () => {
  it("curl and s_client verify central by their own ca.crt and host name", async () => {
    await withFiles(async (central, { root, client }) => {
      const plain = await curl(central, ["--cacert", root.certificateFile]);
      assert.match(plain.stdout, /admission\.credential_missing/);
      const pair = ["--cert", client.certificateFile, "--key", client.keyFile];
      const mutual = await curl(central, ["--cacert", root.certificateFile, ...pair]);
      // Heard as what it says to be; what it said is no message.
      assert.match(mutual.stdout, /opamp\.malformed/);
      const where = ["s_client", "-connect", `127.0.0.1:${central.agentsPort}`];
      const verify = ["-CAfile", root.certificateFile, "-no-CApath", "-no-CAstore"];
      for (const name of [["-servername", "localhost"], ["-noservername"]]) {
        const s = await run("openssl", [
          ...where,
          ...verify,
          ...name,
          "-verify_hostname",
          "localhost",
        ]);
        assert.match(s.stdout, /Verify return code: 0 \(ok\)/);
        assert.match(s.stdout, /CN ?= ?first-root/);
      }
    });
  });

  it("an agent joins by its token all the same, and central's own name gets central's own certificate", async () => {
    await withFiles(async (central) => {
      const agent = await joinByHand(await central.token(), central.folder);
      const where = ["s_client", "-connect", `127.0.0.1:${central.agentsPort}`];
      const name = ["-servername", "central.tautline.internal"];
      const s = await run("openssl", [...where, ...name, "-CAfile", agent.rootsFile]);
      assert.match(s.stdout, /Verify return code: 0 \(ok\)/);
    });
  });

  it("new files are shown while central runs, and that is audited (SW-11)", async () => {
    await withFiles(async (central, { pki, tls }) => {
      const next = makePki(pki, "next");
      put(tls, next);
      const where = ["s_client", "-connect", `127.0.0.1:${central.agentsPort}`];
      await until(async () => {
        const { stdout } = await run("openssl", [...where, "-CAfile", next.root.certificateFile]);
        return stdout.includes("Verify return code: 0 (ok)") ? true : undefined;
      });
      const entries = await central.call<{ items: readonly { action: string }[] }>(
        "GET",
        "/api/v1/audit",
      );
      assert.ok(entries.items.some(({ action }) => action === "files.taken"));
    });
  });
});

/** openssl s_server on a free port. */
async function serve(
  args: readonly string[],
): Promise<{ readonly process: LaunchedProcess; readonly port: number }> {
  const process = launchProcess({
    command: "openssl",
    args: ["s_server", "-accept", "127.0.0.1:0", "-rev", ...args],
  });
  for await (const line of process.stdoutLines) {
    if (line.startsWith("ACCEPT ")) return { process, port: Number(line.split(":").at(-1)) };
  }
  throw new Error(process.stderr);
}

describe("openssl s_server as the server that is dialled (SW-2, SW-3)", () => {
  it("is proven by the CA file, alone and mutually, by TLS 1.3 and 1.2, with keys and certificates in DER and an intermediate", async () => {
    await withTempFolder(async (folder) => {
      const pki = createOpensslPki(folder);
      const root = pki.issue({ name: "root", extensions: [CA] });
      const middle = pki.issue({ name: "middle", issuer: root, extensions: [CA] });
      pki.issue({ name: "server", key: "rsa", issuer: middle, extensions: [SAN] });
      const client = pki.issue({
        name: "client",
        issuer: root,
        extensions: ["extendedKeyUsage=clientAuth"],
      });
      pki.run("x509", "-in", "server.crt", "-outform", "DER", "-out", "server.der");
      pki.run(
        "pkey",
        "-in",
        "server.key",
        "-traditional",
        "-outform",
        "DER",
        "-out",
        "server.key.der",
      );
      const trust = { authorities: certificatesFromPem(root.certificatePem), pins: [] };
      const key = exportPrivateKey(
        readKeyFile(Buffer.from(client.keyPem.replaceAll("\n", "\r\n"))),
      );
      const identity = { keyPem: key, chainPem: client.certificatePem };
      const shown = [
        "-cert",
        join(folder, "server.der"),
        "-certform",
        "DER",
        "-key",
        join(folder, "server.key.der"),
        "-keyform",
        "DER",
      ];
      const chain = ["-cert_chain", middle.certificateFile];
      const asks = ["-Verify", "2", "-verify_return_error", "-CAfile", root.certificateFile];
      for (const version of ["-tls1_3", "-tls1_2"]) {
        for (const isMutual of [false, true]) {
          const args = [version, ...shown, ...chain, ...(isMutual ? asks : [])];
          const { process, port } = await serve(args);
          const where = { host: "127.0.0.1", port, timeoutMs: 20_000, now: Date.now };
          const link = await dialByFiles({
            ...where,
            trust,
            identity: isMutual ? identity : undefined,
          });
          assert.equal(link.evidence.level, isMutual ? "mtls" : "tls");
          assert.equal(link.evidence.protocol, version === "-tls1_3" ? "TLSv1.3" : "TLSv1.2");
          link.socket.destroy();
          await process.kill("SIGTERM");
        }
      }
    });
  });

  it("NODE_EXTRA_CA_CERTS and SSL_CERT_FILE let nobody in whom the CA file or the pin does not", async () => {
    await withTempFolder(async (folder) => {
      const pki = createOpensslPki(folder);
      const mine = pki.issue({ name: "mine", extensions: [CA] });
      const theirs = pki.issue({ name: "theirs", extensions: [CA] });
      const server = pki.issue({ name: "server", issuer: theirs, extensions: [SAN] });
      const { process: listening, port } = await serve([
        "-cert",
        server.certificateFile,
        "-key",
        server.keyFile,
      ]);
      const script = `
        import { readFileSync } from "node:fs";
        import { X509Certificate } from "node:crypto";
        const { dialByFiles } = await import(${JSON.stringify(import.meta.resolve("@tautline/link"))});
        const mine = new X509Certificate(readFileSync(${JSON.stringify(mine.certificateFile)}));
        for (const trust of [{ authorities: [mine], pins: [] }, { authorities: undefined, pins: [new Uint8Array(32)] }]) {
          const where = { host: "127.0.0.1", port: ${port}, timeoutMs: 20000, now: Date.now };
          const code = await dialByFiles({ ...where, trust }).then(() => "in", (error) => error.code);
          console.log(code);
        }
        process.exit(0);`;
      const env = {
        NODE_EXTRA_CA_CERTS: theirs.certificateFile,
        SSL_CERT_FILE: theirs.certificateFile,
      };
      const args = ["--use-system-ca", "--input-type=module", "--eval", script];
      await using dialler = launchProcess({ command: process.execPath, args, env });
      const { code } = await dialler.exited;
      assert.equal(code, 0, dialler.stderr);
      assert.equal(dialler.stdout, "link.server_unproven\nlink.server_unproven\n");
      await listening.kill("SIGTERM");
    });
  });

  it("a server with the host as common name only is refused with a sentence that says so (SW-4)", async () => {
    await withTempFolder(async (folder) => {
      const pki = createOpensslPki(folder);
      const root = pki.issue({ name: "root", extensions: [CA] });
      const server = pki.issue({ name: "localhost", key: "rsa", issuer: root });
      const { process, port } = await serve([
        "-cert",
        server.certificateFile,
        "-key",
        server.keyFile,
      ]);
      const trust = { authorities: certificatesFromPem(root.certificatePem), pins: [] };
      const dialled: FileDialOptions = {
        host: "127.0.0.1",
        port,
        timeoutMs: 20_000,
        now: Date.now,
        trust,
      };
      await assert.rejects(dialByFiles(dialled), (error) => {
        assert.ok(isTautlineError(error));
        assert.equal(error.code, "link.server_unnamed");
        assert.match(error.message, /common name \(CN=localhost\)/);
        return true;
      });
      await process.kill("SIGTERM");
    });
  });
});
