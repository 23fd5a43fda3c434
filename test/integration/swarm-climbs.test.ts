import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LEVELS, type Level } from "@tautline/protocol";
import { launchSwarm } from "../running-swarm.ts";
import { until } from "../until.ts";
import { changeAt, linksOf, type ShownChange, withPolicyCentral } from "./policy-scene.ts";

const AGENTS = 200;
const EACH = AGENTS / LEVELS.length;
const WANTED = { namespace: "default", floor: "mtls", loopback: "off" };

interface Plan {
  readonly agents: readonly { readonly id: string; readonly verdict: string }[];
  readonly totals: Readonly<Record<string, number>>;
}

/** A line of the ledger: of a climb, where it names a level. */
interface Line {
  readonly agent: string;
  readonly level?: Level;
}

test(
  "F23: 200 simulated agents at five levels climb to enforced mtls by signed instruction, each verdict comes true, and the undo lowers nobody",
  { timeout: 180_000 },
  () =>
    withPolicyCentral(async (scene) => {
      const ledgerFile = join(scene.folder, "ledger.jsonl");
      const plaintext = ["--plaintext-to", `127.0.0.1:${scene.plaintextPort}`];
      const levels = ["--level", LEVELS.join(","), ...plaintext, "--key-file", scene.keyFile];
      const flags = [...levels, "--ledger", ledgerFile];
      await using swarm = await launchSwarm(scene, { agents: AGENTS, interval: "30s", flags });
      const countOf = async (level: Level): Promise<number> =>
        [...(await linksOf(scene)).values()].filter((link) => link.level === level).length;
      await until(async () => ((await linksOf(scene)).size === AGENTS ? true : undefined));
      for (const level of LEVELS) assert.equal(await countOf(level), EACH, level);

      const plan = await scene.call<Plan>("POST", "/api/v1/policy/plan", WANTED);
      assert.deepEqual(plan.totals, {
        stays: EACH,
        moves: AGENTS - EACH,
        unknown: 0,
        "cut off": 0,
      });
      const order = { ...WANTED, windowMs: 120_000, undo: false };
      const { id } = await scene.call<ShownChange>("POST", "/api/v1/policy/apply", order);
      await changeAt(scene, id, "watching");
      await until(async () => ((await countOf("mtls")) === AGENTS ? true : undefined));

      await scene.call("POST", "/api/v1/policy/undo", { namespace: "default" });
      await changeAt(scene, id, "undone");
      assert.equal(await countOf("mtls"), AGENTS, "the undo lowers nobody");
      assert.equal((await swarm.kill("SIGTERM")).code, 0, swarm.stderr);
      const report = JSON.parse(swarm.stdout) as { levels: object; climbs: number };
      const nobody = { plaintext: 0, basic: 0, advanced: 0, tls: 0 };
      assert.deepEqual(report.levels, { ...nobody, mtls: AGENTS });

      const lines = readFileSync(ledgerFile, "utf8").trim().split("\n");
      const climbed = lines.map((line) => JSON.parse(line) as Line).filter(({ level }) => level);
      assert.ok(climbed.every(({ level }) => level === "mtls"));
      const moves = plan.agents.filter(({ verdict }) => verdict === "moves").map((each) => each.id);
      assert.deepEqual(climbed.map(({ agent }) => agent).toSorted(), moves.toSorted());
      assert.equal(report.climbs, moves.length);
    }),
);
