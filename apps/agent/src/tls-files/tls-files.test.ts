import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createServer, type Server } from "node:tls";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import {
  createFakeClock,
  createOpensslPki,
  withTempFolder,
  type OpensslCertificate,
  type OpensslPki,
} from "@tautline/testing";
import { parseConfig } from "@tautline/daemon";
import { agentConfigSchema, type AgentConfig } from "../config.ts";
import { filesDial } from "../control/dial-files.ts";
import { followTlsFiles, openTlsFiles } from "./tls-files.ts";

const CA = "basicConstraints=critical,CA:TRUE";
const SAN = "subjectAltName=IP:127.0.0.1";

interface World {
  readonly dataDir: string;
  readonly ca: string;
  readonly pki: OpensslPki;
  readonly root: OpensslCertificate;
  readonly client: OpensslCertificate;
  readonly config: AgentConfig;
}

function configOf(text: string): AgentConfig {
  return parseConfig("agent", "agent.yaml", text, agentConfigSchema);
}

async function withWorld(use: (world: World) => void | Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const [dataDir, made] = [join(folder, "data"), join(folder, "pki")];
    const ca = join(dataDir, "ca");
    mkdirSync(ca, { recursive: true });
    mkdirSync(made);
    const pki = createOpensslPki(made);
    const root = pki.issue({ name: "root", extensions: [CA] });
    const client = pki.issue({
      name: "client",
      issuer: root,
      extensions: ["basicConstraints=CA:FALSE"],
    });
    await use({ dataDir, ca, pki, root, client, config: configOf("") });
  });
}

function failBy(error: TautlineError): void {
  assert.fail(error.message);
}

function put({ ca }: World, name: string, from: string): void {
  copyFileSync(from, join(ca, name));
}

async function serve(world: World, name = "server"): Promise<{ server: Server; address: string }> {
  const { pki, root } = world;
  const { keyPem, certificatePem } = pki.issue({ name, issuer: root, extensions: [SAN] });
  const options = { key: keyPem, cert: certificatePem, ca: root.certificatePem };
  const server = createServer({ ...options, requestCert: true, rejectUnauthorized: false });
  server.on("secureConnection", (socket) => socket.on("error", () => {}));
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function refuses(open: () => unknown, code: string, file: string): void {
  assert.throws(open, (error) => {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.includes(file), error.message);
    return true;
  });
}

describe("the files that an agent dials by", () => {
  it("without any there is nothing, and nothing is noted", async () => {
    await withWorld((world) => {
      assert.equal(openTlsFiles(world), undefined);
      assert.throws(() => readFileSync(join(world.dataDir, "tls-files.json")), { code: "ENOENT" });
    });
  });

  it("SW-5, SWP-1: ca.crt switches tls on, which is noted, and a start without it is refused naming it", async () => {
    await withWorld((world) => {
      put(world, "ca.crt", world.root.certificateFile);
      assert.equal(openTlsFiles(world)?.value.level, "tls");
      rmSync(join(world.ca, "ca.crt"));
      refuses(() => openTlsFiles(world), "files.switched_on", join(world.ca, "ca.crt"));
      writeFileSync(join(world.dataDir, "tls-files.json"), "{}");
      refuses(() => openTlsFiles(world), "files.unreadable", "tls-files.json");
    });
  });

  it("SW-7: mutual by two files more; half of them, and half after it was on, refuse to start", async () => {
    await withWorld((world) => {
      put(world, "ca.crt", world.root.certificateFile);
      put(world, "client.crt", world.client.certificateFile);
      refuses(() => openTlsFiles(world), "files.missing", "client.pem");
      put(world, "client.pem", world.client.keyFile);
      const files = openTlsFiles(world);
      assert.equal(files?.value.level, "mtls");
      assert.ok(files.value.identity !== undefined);
      for (const name of ["client.crt", "client.pem"]) rmSync(join(world.ca, name));
      refuses(() => openTlsFiles(world), "files.switched_on", "client.crt");
    });
  });

  it("a broken ca.crt refuses to start naming it, and switches nothing on", async () => {
    await withWorld((world) => {
      writeFileSync(join(world.ca, "ca.crt"), "no certificate");
      refuses(() => openTlsFiles(world), "files.certificates_refused", join(world.ca, "ca.crt"));
      assert.throws(() => readFileSync(join(world.dataDir, "tls-files.json")), { code: "ENOENT" });
    });
  });

  it("the dial is verified by ca.crt, and mutual by the pair", async () => {
    await withWorld(async (world) => {
      put(world, "ca.crt", world.root.certificateFile);
      const { server, address } = await serve(world);
      const dialled = async (): Promise<string> => {
        const files = openTlsFiles(world);
        assert.ok(files !== undefined);
        const dial = filesDial(files, { timeoutMs: 10_000, now: Date.now, onProblem: failBy });
        const { socket, evidence } = await dial(address, new AbortController().signal);
        socket.destroy();
        return evidence.level;
      };
      assert.equal(await dialled(), "tls");
      put(world, "client.crt", world.client.certificateFile);
      put(world, "client.key", world.client.keyFile);
      assert.equal(await dialled(), "mtls");
      server.close();
      await once(server, "close");
    });
  });

  it("SWP-2: new files are taken at the next look and moved to; what does not parse leaves the old in use and is told once", async () => {
    await withWorld(async (world) => {
      put(world, "ca.crt", world.root.certificateFile);
      const files = openTlsFiles(world);
      assert.ok(files !== undefined);
      const clock = createFakeClock();
      const seen: string[] = [];
      const stop = new AbortController();
      const told = {
        taken: () => seen.push("taken"),
        refused: (e: TautlineError) => seen.push(e.code),
      };
      const after = (delayMs: number, task: () => void): (() => void) => {
        pending = { delayMs, task };
        return () => {};
      };
      let pending: { delayMs: number; task: () => void } | undefined;
      const agentClock = { now: clock.now, elapsed: clock.now, after };
      const following = followTlsFiles(files, { clock: agentClock, ...told }, stop.signal);
      const turn = async (): Promise<void> => {
        assert.ok(pending !== undefined && pending.delayMs <= 10_000);
        pending.task();
        await Promise.resolve();
        await Promise.resolve();
        await Promise.resolve();
      };
      await turn();
      const next = world.pki.issue({ name: "next", extensions: [CA] });
      put(world, "ca.crt", next.certificateFile);
      await turn();
      assert.deepEqual(seen, ["taken"]);
      assert.equal(files.value.trust.authorities?.[0]?.subject, "CN=next");
      writeFileSync(join(world.ca, "ca.crt"), "half a fi");
      await turn();
      await turn();
      assert.deepEqual(seen, ["taken", "files.certificates_refused"]);
      rmSync(join(world.ca, "ca.crt"));
      await turn();
      assert.equal(seen.at(-1), "files.switched_on");
      assert.equal(files.value.trust.authorities?.[0]?.subject, "CN=next");
      stop.abort();
      await following;
    });
  });

  it("the settings that name files: half a pair, two trusts and a pin that is none are refused with their key", () => {
    const refused: readonly [string, RegExp][] = [
      ["central: { client: { certificateFile: a.crt } }", /central\.client\.keyFile/],
      ["central: { client: { keyFile: a.key } }", /central\.client\.certificateFile/],
      ["central: { trust: { system: true, caFile: a } }", /central\.trust\.caFile/],
      ["central: { trust: { pins: [abc] } }", /central\.trust\.pins/],
      ["central: { trust: { insecure: true } }", /central\.trust/],
    ];
    for (const [text, place] of refused) {
      assert.throws(
        () => configOf(text),
        (error) => isTautlineError(error) && place.test(error.message),
      );
    }
  });

  it("SW-6: the system's store proves central, and nothing is noted", async () => {
    await withWorld(async (world) => {
      // Read once in a process: this test file is the process.
      process.env["SSL_CERT_FILE"] = world.root.certificateFile;
      process.env["SSL_CERT_DIR"] = join(world.dataDir, "ca");
      const config = configOf("central: { trust: { system: true } }");
      const files = openTlsFiles({ ...world, config });
      assert.ok(files !== undefined);
      const { server, address } = await serve(world);
      const dial = filesDial(files, { timeoutMs: 10_000, now: Date.now, onProblem: () => {} });
      const { socket, evidence } = await dial(address, new AbortController().signal);
      socket.destroy();
      assert.deepEqual([evidence.level, evidence.serverProven], ["tls", true]);
      assert.throws(() => readFileSync(join(world.dataDir, "tls-files.json")), { code: "ENOENT" });
      server.close();
      await once(server, "close");
    });
  });
});
