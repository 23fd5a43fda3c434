import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { connect } from "node:tls";
import { once } from "node:events";
import { isTautlineError } from "@tautline/protocol";
import {
  createFakeClock,
  createOpensslPki,
  withTempFolder,
  type OpensslPki,
} from "@tautline/testing";
import {
  admin,
  callSecure,
  joinOver,
  openControl,
  runOn,
  startOn,
  type TestCentral,
} from "../fixture-central.test.ts";

import { createForeignFront } from "./foreign-front.ts";
import { openServerFiles } from "./server-files.ts";
import { loadCentralConfig } from "../config.ts";

const CA = "basicConstraints=critical,CA:TRUE";

interface World {
  readonly dataDir: string;
  readonly tls: string;
  readonly pki: OpensslPki;
}

async function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const [dataDir, made] = [join(folder, "data"), join(folder, "pki")];
    const tls = join(dataDir, "tls");
    mkdirSync(tls, { recursive: true, mode: 0o700 });
    mkdirSync(made);
    await use({ dataDir, tls, pki: createOpensslPki(made) });
  });
}

/** An authority with a server and a client, the server's files in place. */
function fill({ tls, pki }: World, generation = "") {
  const root = pki.issue({ name: `root${generation}`, extensions: [CA] });
  const extensions = ["subjectAltName=DNS:localhost"];
  const server = pki.issue({ name: `server${generation}`, issuer: root, extensions });
  const client = pki.issue({ name: `client${generation}`, issuer: root, extensions });
  copyFileSync(server.certificateFile, join(tls, "server.crt"));
  copyFileSync(server.keyFile, join(tls, "server.pem"));
  copyFileSync(root.certificateFile, join(tls, "ca.crt"));
  return { root, server, client };
}

/** The certificates of the openssl command are good from now on. */
const clock = () => createFakeClock(Date.now() + 60_000);

async function shownAt(
  { agentsPort }: TestCentral,
  servername = "localhost",
): Promise<string | undefined> {
  const where = { host: "127.0.0.1", port: agentsPort, servername };
  const socket = connect({ ...where, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const subject = socket.getPeerX509Certificate()?.subject;
  socket.destroy();
  return subject;
}

describe("central with the certificate of an existing PKI (SW-8, SWP-1, SWP-6)", () => {
  it("shows it to callers of any other name, and its agents join and go on by address", async () => {
    await withWorld(async (world) => {
      fill(world);
      await runOn(
        world.dataDir,
        async (central) => {
          assert.equal(await shownAt(central), "CN=server");
          const agent = await joinOver(central);
          const link = await openControl(central, agent);
          link.close();
          await link.closed;
        },
        { clock: clock() },
      );
    });
  });

  it("a client of that PKI is heard as what it says to be, and what says nothing makes no agent", async () => {
    await withWorld(async (world) => {
      const { client } = fill(world);
      await runOn(
        world.dataDir,
        async (central) => {
          const identity = { keyPem: client.keyPem, chainPem: client.certificatePem };
          const answer = await callSecure({
            port: central.agentsPort,
            method: "POST",
            path: "/v1/opamp",
            headers: { "content-type": "application/x-protobuf" },
            body: new Uint8Array(),
            identity,
          });
          assert.equal(answer.status, 200);
          const { items } = await admin<{ items: unknown[] }>(central, "GET", "/api/v1/agents");
          assert.deepEqual(items, []);
        },
        { clock: clock() },
      );
    });
  });

  it("half a pair, and a file that is gone since it was switched on, refuse to start naming it", async () => {
    await withWorld(async (world) => {
      fill(world);
      const starts = async (): Promise<unknown> => {
        try {
          const started = await startOn(world.dataDir, { clock: clock() });
          await started.central.stop();
          return "started";
        } catch (error) {
          assert.ok(isTautlineError(error), String(error));
          return [error.code, String(error.detail["file"]).replace(`${world.tls}/`, "")];
        }
      };
      const key = join(world.tls, "server.pem");
      const [kept, away] = [join(world.dataDir, "away"), join(world.dataDir, "away2")];
      copyFileSync(key, kept);
      rmSync(key);
      assert.deepEqual(await starts(), ["files.missing", "server.pem"]);
      copyFileSync(kept, key);
      assert.equal(await starts(), "started");
      copyFileSync(join(world.tls, "ca.crt"), away);
      rmSync(join(world.tls, "ca.crt"));
      assert.deepEqual(await starts(), ["files.switched_on", "ca.crt"]);
      copyFileSync(away, join(world.tls, "ca.crt"));
      assert.equal(await starts(), "started");
      rmSync(world.tls, { recursive: true });
      assert.deepEqual(await starts(), ["files.switched_on", "server.crt"]);
      assert.equal(existsSync(join(world.dataDir, "tls-files.json")), true);
    });
  });
});

describe("files that change while central runs (SW-11)", () => {
  it("new ones are shown and judged by; broken and torn ones leave the old in use, in the audit trail and the log", async () => {
    await withWorld(async (world) => {
      const first = fill(world);
      const config = loadCentralConfig(undefined);
      const files = openServerFiles({ config, dataDir: world.dataDir });
      const [root] = files.value.authorities;
      assert.ok(root !== undefined);
      const noted: unknown[] = [];
      const log = { info: () => {}, error: () => {} };
      const front = createForeignFront({
        files,
        root,
        now: Date.now,
        log: log as unknown as Parameters<typeof createForeignFront>[0]["log"],
        audit: {
          record: (event) => {
            noted.push([event.action, event.detail?.["code"]]);
            return Promise.resolve();
          },
        },
      });
      const shown: (string | undefined)[] = [];
      front.showOn({ replaceOthers: (made) => shown.push(made?.identity?.chainPem) });
      const turn = async (): Promise<unknown> => {
        noted.length = 0;
        await front.follow();
        return noted[0];
      };
      assert.equal(await turn(), undefined);
      assert.equal(shown.length, 1);
      const next = fill(world, "2");
      assert.deepEqual(await turn(), ["files.taken", undefined]);
      assert.equal(shown.at(-1)?.trim(), next.server.certificatePem.trim());
      copyFileSync(first.server.keyFile, join(world.tls, "server.pem"));
      assert.deepEqual(await turn(), ["files.refused", "files.pair_mismatch"]);
      writeFileSync(join(world.tls, "server.crt"), "-----BEGIN CERTIFICATE-----\n");
      assert.deepEqual(await turn(), ["files.refused", "files.certificates_refused"]);
      assert.equal(await turn(), undefined);
      rmSync(join(world.tls, "ca.crt"));
      assert.equal(((await turn()) as unknown[])[0], "files.refused");
      assert.equal(shown.length, 2);
    });
  });
});
