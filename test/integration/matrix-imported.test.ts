import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, withTempFolder } from "@tautline/testing";
import { describeCentral, type Items, type ListedLink } from "../running-central.ts";

const KEY = "k7XQm2vR9tLz4WcB8nHs3YpD6fJa1GeU";
/** As the seed shows them: a blank before the equals sign, and the key in quotation marks. */
const SWITCHES = {
  basic: `takipi.encrypt =true\ntakipi.encrypt.key="${KEY}"\n`,
  advanced: `takipi.encrypt.fast=true\ntakipi.encrypt.key="${KEY}"\n`,
} as const;
/** Ports that old files do not carry: the only thing that is said beside them. */
const PORTS = ["--agents-port", "0", "--console-port", "0"];

interface Pair {
  readonly folder: string;
  readonly central: string;
  readonly agent: (port: number) => readonly string[];
}

/** Runs both ends of a pair, and gives what each says of their link. */
async function meet({ folder, central: config, agent }: Pair) {
  const dataDir = join(folder, "data", "central");
  const run = ["central", "run", "--json", "--host", "127.0.0.1", "--config", config];
  const isPlain = config.includes("plain");
  const ports = isPlain ? [...PORTS, "--plaintext-port", "0"] : PORTS;
  await using process = launchTautline([...run, ...ports, "--data", dataDir]);
  const central = await describeCentral(process, dataDir, folder);
  const port = (isPlain ? central.plaintextPort : central.agentsPort) ?? 0;
  const data = ["--data", join(folder, "data", "agent")];
  await using host = launchTautline(["agent", "run", "--json", ...data, ...agent(port)]);
  const line = await host.waitForEvent(({ event }) => event === "connected");
  const { items } = await central.call<Items<ListedLink & { keyId: string | null }>>(
    "GET",
    `/api/v1/links?agent=${String(line["id"])}`,
  );
  const status = launchTautline(["agent", "status", "--json", ...data]);
  await status.exited;
  await host.kill("SIGTERM");
  return { line, link: items[0], status: status.stdout, log: host.stderr + process.stderr };
}

describe("a pair of the systems that came before", () => {
  for (const level of ["basic", "advanced"] as const) {
    it(`OV-6 to OV-9: its own two files connect at ${level}, with no other setting, by the key named legacy`, () =>
      withTempFolder(async (folder) => {
        const files = ["collector.properties", "agent.properties"].map((name) =>
          join(folder, name),
        );
        const [central = "", own = ""] = files;
        writeFileSync(central, SWITCHES[level], { mode: 0o600 });
        const { line, link, status, log } = await meet({
          folder,
          central,
          agent: (port) => {
            writeFileSync(own, `${SWITCHES[level]}takipi.collector.host=127.0.0.1\n`, {
              mode: 0o600,
            });
            // The old port belongs to the old program; a test cannot have the usual one for itself.
            return ["--config", own, "--central", `127.0.0.1:${port}`, "--level", level];
          },
        });
        assert.deepEqual([line["level"], link?.level, link?.keyId], [level, level, "legacy#1"]);
        assert.match(status, /"name":"?legacy|legacy/);
        assert.ok(!log.includes(KEY) && !status.includes(KEY));
      }));

    it(`what 'config import' writes of them connects likewise at ${level}`, () =>
      withTempFolder(async (folder) => {
        const old = {
          collector: join(folder, "collector.properties"),
          agent: join(folder, "agent.properties"),
        };
        const out = {
          collector: join(folder, "data", "central"),
          agent: join(folder, "data", "agent"),
        };
        writeFileSync(old.collector, SWITCHES[level], { mode: 0o600 });
        writeFileSync(old.agent, `${SWITCHES[level]}takipi.collector.host=127.0.0.1\n`, {
          mode: 0o600,
        });
        for (const end of ["collector", "agent"] as const) {
          const verb = launchTautline(["config", "import", old[end], "--out", out[end]]);
          assert.equal((await verb.exited).code, 0, verb.stderr);
        }
        const { line, link } = await meet({
          folder,
          central: join(out.collector, "central.yaml"),
          agent: (port) => ["--central", `127.0.0.1:${port}`, "--level", level],
        });
        assert.deepEqual([line["level"], link?.level, link?.keyId], [level, level, "legacy#1"]);
      }));
  }

  it("OV-1: a pair whose agent.conf has no secure WebSocket connects at plaintext", () =>
    withTempFolder(async (folder) => {
      mkdirSync(folder, { recursive: true });
      const central = join(folder, "plain.collector.properties");
      writeFileSync(central, "takipi.encrypt=false\n");
      const own = join(folder, "agent.conf");
      const { line, link } = await meet({
        folder,
        central,
        agent: (port) => {
          const lines = ["central.websocket.secure=false", "central.websocket.host=127.0.0.1"];
          writeFileSync(own, `${[...lines, `central.websocket.port=${port}`].join("\n")}\n`);
          return ["--config", own];
        },
      });
      assert.deepEqual([line["level"], link?.level, link?.group], ["plaintext", "plaintext", null]);
    }));
});
