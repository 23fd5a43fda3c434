/**
 * One bit that changes on the disk while nothing runs (F12): in central's database, its write-ahead log and its key file, and in an
 * agent's settings.json and state. Seeded, many times each: the program refuses to start and names the file, or nothing it does has changed.
 * (Which parts of the database are covered, and every kind of change in them, is tried in apps/central/src/store.)
 */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createSeededRandom, launchTautline, withTempFolder } from "@tautline/testing";
import { describeCentral, type Items, launchCentral } from "../running-central.ts";
import { endSwarm, launchSwarm, untilLinked } from "../running-swarm.ts";

const ROUNDS = 6;

interface Problem {
  readonly code: string;
  readonly detail: string;
}

/** Flips one bit of a file; the same for the same random. */
function flipIn(file: string, random: () => number): void {
  const bytes = readFileSync(file);
  const at = Math.floor(random() * bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  writeFileSync(file, bytes, { mode: 0o600 });
}

test("F12: one bit in central's database, log or key is named with its file, or changes nothing that central says of its fleet", async (t) => {
  await withTempFolder(async (folder) => {
    const whole = join(folder, "whole");
    const fleet = await prepareFleet(whole, folder);
    const seen: Record<string, number> = {};
    for (const name of ["central.db", "central.db-wal", "vault.key"]) {
      const { float } = createSeededRandom(name);
      for (let round = 0; round < ROUNDS; round += 1) {
        const dataDir = join(folder, "flipped");
        rmSync(dataDir, { recursive: true, force: true });
        cpSync(whole, dataDir, { recursive: true, filter: (from) => !from.endsWith(".sock") });
        flipIn(join(dataDir, name), float);
        await using process = launchCentral(dataDir);
        const outcome = await Promise.race([
          process.exited.then(() => "refused"),
          describeCentral(process, dataDir, folder).then(
            (central) => central,
            () => "refused",
          ),
        ]);
        if (typeof outcome === "string") {
          const problem = JSON.parse(process.stderr) as Problem;
          assert.match(problem.code, /^(store|vault)\./, `${name}: ${process.stderr}`);
          assert.ok(
            problem.detail.includes(name) || problem.detail.includes("vault"),
            `${name}: ${problem.detail}`,
          );
        } else {
          const { items } = await outcome.call<Items<AgentFacts>>("GET", "/api/v1/agents");
          assert.deepEqual(items.map(factsOf), fleet, `${name}: was served`);
        }
        const kind = `${name} ${typeof outcome === "string" ? "refused" : "harmless"}`;
        seen[kind] = (seen[kind] ?? 0) + 1;
        await process.kill("SIGKILL");
      }
    }
    t.diagnostic(JSON.stringify(seen));
    assert.ok((seen["vault.key refused"] ?? 0) > 0);
  });
});

interface AgentFacts {
  readonly id: string;
  readonly namespace: string;
  readonly state: string;
}

function factsOf({ id, namespace, state }: AgentFacts): AgentFacts {
  return { id, namespace, state };
}

/** A central that was killed, its log beside its database; gives what it says of its agents. */
async function prepareFleet(dataDir: string, folder: string): Promise<AgentFacts[]> {
  await using process = launchCentral(dataDir);
  const central = await describeCentral(process, dataDir, folder);
  await using swarm = await launchSwarm(central, { agents: 10, interval: "1s" });
  await untilLinked(central, 10);
  await endSwarm(swarm);
  const { items } = await central.call<Items<AgentFacts>>("GET", "/api/v1/agents");
  await process.kill("SIGKILL");
  assert.ok(statSync(join(dataDir, "central.db-wal")).size > 0);
  return items.map(factsOf);
}

test("F12: one bit in any file of an agent is named, or the agent is who it was", async (t) => {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    await using process = launchCentral(dataDir);
    const central = await describeCentral(process, dataDir, folder);
    const whole = join(folder, "agent");
    const env = { TAUTLINE_TOKEN: await central.token() };
    await using joining = launchTautline(["agent", "join", "--json", "--data", whole], { env });
    assert.equal((await joining.exited).code, 0, joining.stderr);
    const { id } = JSON.parse(joining.stdout) as { id: string };
    const files = readdirSync(whole).filter((name) => statSync(join(whole, name)).isFile());
    const seen: Record<string, number> = {};
    for (const name of files.filter((each) => each.endsWith(".json") || each.endsWith(".key"))) {
      const { float } = createSeededRandom(name);
      for (let round = 0; round < ROUNDS; round += 1) {
        const data = join(folder, "flipped");
        rmSync(data, { recursive: true, force: true });
        cpSync(whole, data, { recursive: true, filter: (from) => !from.endsWith(".sock") });
        flipIn(join(data, name), float);
        assert.ok(existsSync(join(data, name)));
        await using running = launchTautline(["agent", "run", "--json", "--data", data]);
        const connected = await running
          .waitForEvent(({ event }) => event === "connected")
          .catch(() => undefined);
        if (connected === undefined) {
          assert.match(running.stderr, /"code":"(agent|vault)\./, `${name}: ${running.stderr}`);
        } else {
          assert.equal(connected["id"], id, name);
        }
        await running.kill("SIGKILL");
        const kind = `${name} ${connected === undefined ? "refused" : "harmless"}`;
        seen[kind] = (seen[kind] ?? 0) + 1;
      }
    }
    t.diagnostic(JSON.stringify(seen));
    assert.ok((seen["settings.json refused"] ?? 0) > 0);
    assert.ok((seen["vault.key refused"] ?? 0) > 0);
    await process.kill("SIGTERM");
  });
});
