import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createOpensslPki, launchTautline, withTempFolder } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
} from "../running-central.ts";

interface ListedAgent {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly level: string | null;
}

/** Runs a central that takes callers of level tls without an identity, with files of an existing PKI in its folder or without. */
async function withTlsCentral(
  files: (tls: string) => void,
  use: (central: RunningCentral) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const [dataDir, config] = [join(folder, "central"), join(folder, "central.yaml")];
    const tls = join(dataDir, "tls");
    mkdirSync(tls, { recursive: true, mode: 0o700 });
    files(tls);
    writeFileSync(config, "agents: { tlsClients: any }\n");
    await using process = launchCentral(dataDir, undefined, { config });
    await use(await describeCentral(process, dataDir, folder));
    await process.kill("SIGTERM");
  });
}

/** Runs an agent without an identity until it is connected; gives the line it then prints, its row and its link at central. */
async function connected(central: RunningCentral, name: string, args: readonly string[]) {
  const data = join(central.folder, name);
  const where = ["--central", `127.0.0.1:${central.agentsPort}`, "--data", data, "--name", name];
  await using agent = launchTautline(["agent", "run", "--json", ...where, ...args]);
  const line = await agent.waitForEvent((event) => event["event"] === "connected");
  const { items } = await central.call<Items<ListedAgent>>("GET", "/api/v1/agents");
  const row = items.find((each) => each.name === name);
  const links = await central.call<Items<ListedLink>>(
    "GET",
    `/api/v1/links?agent=${row?.id ?? ""}`,
  );
  await agent.kill("SIGTERM");
  return { line, row, link: links.items[0] };
}

describe("an agent without an identity at the levels of certificates", () => {
  it("tls: it verifies central's own certificate by the pin of its root, and stays unproven", async () => {
    await withTlsCentral(
      () => {},
      async (central) => {
        const { rootPin } = await central.call<{ rootPin: string }>("GET", "/api/v1/status");
        const { line, row, link } = await connected(central, "pinned", [
          "--level",
          "tls",
          "--pin",
          rootPin,
        ]);
        assert.deepEqual([line["level"], line["group"]], ["tls", "X25519MLKEM768"]);
        assert.deepEqual([row?.state, row?.level], ["unproven", "tls"]);
        assert.deepEqual([link?.serverProven, link?.clientProven], [true, false]);
      },
    );
  });

  it("SW-5, SW-7: ca.crt in its folder switches tls on by itself, a pair beside it mtls", async () => {
    await withTempFolder(async (made) => {
      const pki = createOpensslPki(made);
      const root = pki.issue({ name: "root", extensions: ["basicConstraints=critical,CA:TRUE"] });
      const extensions = ["subjectAltName=DNS:localhost,IP:127.0.0.1"];
      const server = pki.issue({ name: "server", issuer: root, extensions });
      const client = pki.issue({ name: "client", issuer: root, extensions });
      const fill = (tls: string): void => {
        copyFileSync(root.certificateFile, join(tls, "ca.crt"));
        copyFileSync(server.certificateFile, join(tls, "server.crt"));
        copyFileSync(server.keyFile, join(tls, "server.pem"));
      };
      await withTlsCentral(fill, async (central) => {
        for (const level of ["tls", "mtls"] as const) {
          const data = join(central.folder, level);
          mkdirSync(join(data, "ca"), { recursive: true, mode: 0o700 });
          copyFileSync(root.certificateFile, join(data, "ca", "ca.crt"));
          if (level === "mtls") {
            copyFileSync(client.certificateFile, join(data, "ca", "client.crt"));
            copyFileSync(client.keyFile, join(data, "ca", "client.pem"));
          }
          const { line, row, link } = await connected(central, level, ["--level", level]);
          assert.equal(line["level"], level);
          assert.deepEqual([row?.state, row?.level], ["unproven", level]);
          // A certificate of another authority is proven, and names nobody here.
          assert.deepEqual([link?.clientProven, link?.peerId], [level === "mtls", null]);
        }
      });
    });
  });

  it("SWP-1: what it is asked for and what its files give must be the same, and tls needs somebody to trust", async () => {
    await withTempFolder(async (folder) => {
      const refused = async (data: string, level: string): Promise<string> => {
        const where = ["--central", "127.0.0.1:9", "--data", join(folder, data)];
        await using agent = launchTautline(["agent", "run", ...where, "--level", level]);
        assert.equal((await agent.exited).code, 1);
        return agent.stderr;
      };
      assert.match(await refused("none", "tls"), /it has nothing to verify central by/);
      const pki = createOpensslPki(folder);
      const root = pki.issue({ name: "root", extensions: ["basicConstraints=critical,CA:TRUE"] });
      mkdirSync(join(folder, "files", "ca"), { recursive: true, mode: 0o700 });
      copyFileSync(root.certificateFile, join(folder, "files", "ca", "ca.crt"));
      assert.match(await refused("files", "plaintext"), /its files switch tls on/);
      assert.match(await refused("files", "mtls"), /no certificate of its own to show/);
    });
  });
});
