import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LEVELS, parseDuration, type Level } from "@tautline/protocol";
import { type LaunchedProcess, withTempFolder } from "@tautline/testing";
import {
  linksOf,
  makePolicyFolder,
  type PolicyScene,
  type ShownChange,
  startPolicyCentral,
} from "../test/integration/policy-scene.ts";
import { launchSwarm } from "../test/running-swarm.ts";
import type { Row } from "./benchmark.ts";
import { silence } from "./drill-black-hole.ts";
import { lookUntil, secondsSince } from "./drill-look.ts";
import type { Plan } from "./drill-verdicts.ts";
import { currentLoad } from "./machine.ts";

const WANTED = { namespace: "default", floor: "mtls", loopback: "off" };
const WINDOW_MS = parseDuration(process.env["DRILL_WINDOW"] ?? "90s");
/** Shares of the fleet that are processes of their own: who never falls silent, who does to be undone for, who does in vain. */
const SHARES = { steady: 0.57, many: 0.4, few: 0.03 } as const;
/** A list of thousands of links is work for central. */
const SELDOM = { everyMs: 5_000, withinMs: 1_800_000 };
const NOBODY = { plaintext: 0, basic: 0, advanced: 0, tls: 0, mtls: 0 };

type Share = keyof typeof SHARES;

/** One process of simulated agents. */
interface Part {
  readonly process: LaunchedProcess;
  readonly ledger: string;
}

/** What a drill of simulated agents is. */
export interface SwarmDrill {
  readonly size: number;
  /** Whether parts of it fall silent at the end. */
  readonly blackHole: boolean;
  readonly say: (text: string) => void;
}

/**
 * F23 with thousands: simulated agents at the five levels go from plaintext to enforced mtls by signed instruction and back; the verdict of
 * each is held against its link and the ledger. Nobody of them is a straggler: that is what the drill of real agents has.
 *
 * @param drill how many
 */
export async function drillSwarm(drill: SwarmDrill): Promise<Row[]> {
  const rows: Row[] = [];
  await withTempFolder(async (folder) => {
    await using processes = new AsyncDisposableStack();
    const scene = await startPolicyCentral(makePolicyFolder(folder, true));
    processes.use(scene.process);
    const beganMs = performance.now();
    const parts = await letLoose(scene, drill, processes);
    drill.say(`${drill.size} linked (load ${currentLoad().toFixed(1)})`);
    const joinedS = secondsSince(beganMs);
    rows.push(
      { what: "joined and linked at five levels", unit: "s", values: [joinedS] },
      ...(await climb(scene, parts, drill)),
    );
    if (drill.blackHole) rows.push(...(await fallSilent(scene, parts, drill)));
  });
  return rows;
}

type Parts = Readonly<Record<Share, Part>>;

async function letLoose(
  scene: PolicyScene,
  { size }: SwarmDrill,
  processes: AsyncDisposableStack,
): Promise<Parts> {
  const plaintext = ["--plaintext-to", `127.0.0.1:${scene.plaintextPort}`];
  const levels = ["--level", LEVELS.join(","), ...plaintext, "--key-file", scene.keyFile];
  let linked = 0;
  const start = async (name: Share): Promise<Part> => {
    const others = sizeOf(size, "many") + sizeOf(size, "few");
    const agents = name === "steady" ? size - others : sizeOf(size, name);
    const ledger = join(scene.folder, `${name}.jsonl`);
    const flags = [...levels, "--ledger", ledger];
    const launched = await launchSwarm(scene, { agents, interval: "30s", flags });
    processes.use(launched);
    linked += agents;
    const isThere = async (): Promise<boolean> => (await linksOf(scene)).size === linked;
    await lookUntil(`${linked} are linked`, isThere, SELDOM);
    return { process: launched, ledger };
  };
  // One after the other: how many may join at once is bounded in each.
  return { steady: await start("steady"), many: await start("many"), few: await start("few") };
}

function sizeOf(size: number, name: Share): number {
  return Math.max(1, Math.round(size * SHARES[name]));
}

async function climb(scene: PolicyScene, parts: Parts, { size, say }: SwarmDrill): Promise<Row[]> {
  const before = await levelsOf(scene);
  say(`levels before: ${JSON.stringify(before)}`);
  assert.ok(Object.values(before).every((agents) => agents > 0));
  const beganMs = performance.now();
  const plan = await scene.call<Plan>("POST", "/api/v1/policy/plan", WANTED);
  const plannedS = secondsSince(beganMs);
  say(`plan: ${JSON.stringify(plan.totals)}`);
  assert.deepEqual(plan.totals, {
    stays: before.mtls,
    moves: size - before.mtls,
    unknown: 0,
    "cut off": 0,
  });

  const appliedMs = performance.now();
  const order = { ...WANTED, windowMs: WINDOW_MS };
  const { id } = await scene.call<ShownChange>("POST", "/api/v1/policy/apply", order);
  let change = await changeOf(scene, id);
  await lookUntil(
    "the change is closing",
    async () => {
      change = await changeOf(scene, id);
      return change.step !== "opening" && change.step !== "moving";
    },
    SELDOM,
  );
  const closedS = secondsSince(appliedMs);
  await lookUntil(
    "the change has ended",
    async () => {
      change = await changeOf(scene, id);
      return change.step === "done" || change.step === "undone";
    },
    SELDOM,
  );
  say(
    `${change.step} ${change.reason}: ${JSON.stringify(change.counts)} (load ${currentLoad().toFixed(1)})`,
  );
  assert.deepEqual([change.step, change.counts.lost], ["done", 0]);
  await lookUntil("all are at mtls", async () => (await levelsOf(scene)).mtls === size, SELDOM);
  requireAsPlanned(plan, parts);

  await scene.call("POST", "/api/v1/policy/undo", { namespace: "default" });
  const isUndone = async (): Promise<boolean> => (await changeOf(scene, id)).step === "undone";
  await lookUntil("the change is undone", isUndone, SELDOM);
  assert.deepEqual(await levelsOf(scene), { ...NOBODY, mtls: size }, "the undo lowers nobody");
  const note = `${size} simulated agents`;
  return [
    { what: "the plan", unit: "s", values: [plannedS], note },
    { what: "from apply to closing", unit: "s", values: [closedS], note: `window ${WINDOW_MS} ms` },
    { what: "climbed, of those whose verdict was moves", unit: "", values: [size - before.mtls] },
  ];
}

/** Each `moves` stands in a ledger with its climb to mtls, and nobody else does. */
function requireAsPlanned({ agents }: Plan, parts: Parts): void {
  const climbed = new Map<string, Level>();
  for (const { ledger } of Object.values(parts))
    for (const { agent, level } of linesOf(ledger))
      if (level !== undefined) climbed.set(agent, level);
  for (const { id, name, verdict } of agents)
    assert.equal(climbed.get(id), verdict === "moves" ? "mtls" : undefined, `${name}: ${verdict}`);
}

interface Line {
  readonly agent: string;
  readonly level?: Level;
}

/** Whole lines only: the last one may just be being written. */
function linesOf(ledger: string): readonly Line[] {
  const lines = readFileSync(ledger, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** A25: as with real agents, many bring the undo and few change nothing, and nobody else loses its link. */
async function fallSilent(
  scene: PolicyScene,
  parts: Parts,
  { size, say }: SwarmDrill,
): Promise<Row[]> {
  const risen = new Map<string, number>();
  const ids = { steady: new Set<string>(), many: new Set<string>(), few: new Set<string>() };
  for (const name of ["steady", "many", "few"] as const)
    for (const { agent } of linesOf(parts[name].ledger)) {
      ids[name].add(agent);
      risen.set(agent, parts[name].process.pid ?? 0);
    }
  assert.equal(risen.size, size);
  const fleet = { scene, risen, named: [], say };
  const manyS = await silence(fleet, { silent: [...ids.many], undoIf: 5, ends: "undone" });
  await lookUntil("all are linked", async () => (await linksOf(scene)).size === size, SELDOM);
  const fewS = await silence(fleet, { silent: [...ids.few], undoIf: 5, ends: "done" });
  return [
    { what: `${ids.many.size} silent, to the undo of the change`, unit: "s", values: [manyS] },
    { what: `${ids.few.size} silent, to the end of the change`, unit: "s", values: [fewS] },
  ];
}

function changeOf(scene: PolicyScene, id: number): Promise<ShownChange> {
  return scene.call<ShownChange>("GET", `/api/v1/policy/changes/${id}`);
}

async function levelsOf(scene: PolicyScene): Promise<Readonly<Record<Level, number>>> {
  const links = [...(await linksOf(scene)).values()];
  const at = (level: Level): number => links.filter((link) => link.level === level).length;
  return {
    plaintext: at("plaintext"),
    basic: at("basic"),
    advanced: at("advanced"),
    tls: at("tls"),
    mtls: at("mtls"),
  };
}
