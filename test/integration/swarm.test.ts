import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { launchTautline, withTempFolder } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

const AGENTS = 50;
/** Enough that every agent has reported several times. */
const ENTRIES = 400;

interface Entry {
  readonly agent: string;
  readonly sequence: number;
  readonly hash: string;
}

interface Report {
  readonly agents: { readonly joined: number; readonly connected: number; readonly lost: number };
  readonly reconnects: { readonly count: number };
  readonly messages: { readonly sent: number; readonly acknowledged: number };
  readonly errors: Readonly<Record<string, number>>;
}

/** Whole lines only: the last one may just be being written. */
function readLedger(file: string): Entry[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Entry);
}

/** The last acknowledged message of each agent. */
function lastOf(entries: readonly Entry[]): Map<string, Entry> {
  return new Map(entries.map((entry) => [entry.agent, entry]));
}

/** What a central that was killed left on the disk, write-ahead log included. */
function readStore(dataDir: string): Map<string, Record<string, string>> {
  const db = new DatabaseSync(join(dataDir, "central.db"));
  try {
    const rows = db.prepare("SELECT id, attributes FROM agents").all();
    return new Map(
      rows.map((row) => [
        String(row["id"]),
        JSON.parse(String(row["attributes"])) as Record<string, string>,
      ]),
    );
  } finally {
    db.close();
  }
}

async function connected(central: RunningCentral): Promise<number> {
  const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
  assert.ok(items.every(({ level, clientProven }) => level === "mtls" && clientProven));
  return new Set(items.map(({ agent }) => agent)).size;
}

test(
  "F1, F2: 50 agents report, central is killed and started again: all come back, and nothing acknowledged is lost",
  { timeout: 120_000 },
  () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      await using first = launchCentral(dataDir);
      const central = await describeCentral(first, dataDir, folder);
      const tokenFile = join(folder, "token");
      writeFileSync(tokenFile, await central.token({ uses: AGENTS }), { mode: 0o600 });
      const ledgerFile = join(folder, "ledger.jsonl");
      const to = `wss://127.0.0.1:${central.agentsPort}`;
      const order = ["--agents", String(AGENTS), "--to", to, "--token-file", tokenFile];
      const pace = ["--interval", "1s", "--duration", "10m", "--ledger", ledgerFile, "--json"];
      await using swarm = launchTautline(["swarm", ...order, ...pace]);

      await until(async () => ((await connected(central)) === AGENTS ? true : undefined));
      await until(async () => (readLedger(ledgerFile).length >= ENTRIES ? true : undefined));
      await first.kill("SIGKILL");
      const acknowledged = lastOf(readLedger(ledgerFile));
      assert.equal(acknowledged.size, AGENTS);
      const kept = readStore(dataDir);
      for (const [agent, { sequence }] of acknowledged) {
        const stored = Number(kept.get(agent)?.["swarm.sequence"]);
        assert.ok(stored >= sequence, `${agent}: ${sequence} acknowledged, ${stored} stored`);
      }

      const ports = { agents: central.agentsPort, console: central.consolePort };
      await using second = launchCentral(dataDir, ports);
      const again = await describeCentral(second, dataDir, folder);
      await until(async () => ((await connected(again)) === AGENTS ? true : undefined));
      const { code } = await swarm.kill("SIGTERM");
      assert.equal(code, 0, swarm.stderr);

      const report = JSON.parse(swarm.stdout) as Report;
      assert.deepEqual(report.agents, {
        asked: AGENTS,
        joined: AGENTS,
        connected: AGENTS,
        lost: 0,
      });
      assert.ok(report.reconnects.count >= AGENTS);
      const entries = readLedger(ledgerFile);
      assert.equal(entries.length, report.messages.acknowledged);
      for (const [agent, { sequence, hash }] of lastOf(entries)) {
        const page = await again.call<{ attributes: Record<string, string> }>(
          "GET",
          `/api/v1/agents/${agent}`,
        );
        assert.equal(page.attributes["swarm.sequence"], String(sequence), agent);
        assert.equal(page.attributes["swarm.hash"], hash, agent);
      }
      const { ok } = await again.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
      assert.ok(ok);
      await second.kill("SIGTERM");
    }),
);

test("a swarm refuses any other host, with the code, before it dials", async () => {
  await using swarm = launchTautline(
    ["swarm", "--agents", "1", "--to", "192.0.2.1:9150", "--token-file", "-", "--json"],
    { input: "tautline1.AAAA" },
  );
  const { code } = await swarm.exited;
  assert.equal(code, 2);
  assert.equal((JSON.parse(swarm.stderr) as { code: string }).code, "swarm.not_loopback");
  assert.equal(swarm.stdout, "");
});
