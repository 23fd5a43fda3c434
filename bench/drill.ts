import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { launchTautline, type LaunchedProcess, withTempFolder } from "@tautline/testing";
import { bundleProgram } from "../scripts/bundle.ts";
import {
  linksOf,
  makePolicyFolder,
  type PolicyScene,
  startPolicyCentral,
} from "../test/integration/policy-scene.ts";
import type { Benchmark, Row } from "./benchmark.ts";
import { blackHole } from "./drill-black-hole.ts";
import { fleetOf, type Member, startFleet } from "./drill-fleet.ts";
import { lookUntil, secondsSince } from "./drill-look.ts";
import { currentLoad } from "./machine.ts";

const root = join(import.meta.dirname, "..");
const SIZE = Number(process.env["DRILL_AGENTS"] ?? "100");
const WINDOW = process.env["DRILL_WINDOW"] ?? "30s";
const BLACK_HOLE = process.env["DRILL_BLACK_HOLE"] !== "no";
const WANTED = ["--floor", "mtls", "--loopback", "off"];

interface Planned {
  readonly id: string;
  readonly name: string;
  readonly verdict: string;
  readonly reason: string;
}

interface Plan {
  readonly agents: readonly Planned[];
  readonly totals: Readonly<Record<string, number>>;
}

/** A member with what the plan said of it, and what became of it. */
interface Judged extends Planned {
  readonly member: Member;
  readonly outcome: string;
}

/** F23: a fleet of real agents goes from plaintext to enforced mtls and back; each verdict is held against what really happened. */
export const drill: Benchmark = async ({ say }) => {
  process.env["TAUTLINE_PROGRAM"] ??= await bundleProgram(
    root,
    join(root, "node_modules/.cache/bundle"),
  );
  const rows: Row[] = [];
  await withTempFolder(async (folder) => {
    await using processes = new AsyncDisposableStack();
    const scene = await startPolicyCentral(makePolicyFolder(folder));
    processes.use(scene.process);
    rows.push(...(await goUpAndBack({ scene, processes, say })));
  });
  return rows;
};

interface Drill {
  readonly scene: PolicyScene;
  readonly processes: AsyncDisposableStack;
  readonly say: (text: string) => void;
}

async function goUpAndBack({ scene, processes, say }: Drill): Promise<Row[]> {
  const running = new Map<string, LaunchedProcess>();
  const members = await startFleet(scene, fleetOf(SIZE), (member, launched) => {
    processes.use(launched);
    running.set(member.name, launched);
  });
  await lookUntil("all are linked", async () => (await linksOf(scene)).size === SIZE);
  const offline = members.filter(({ isOffline }) => isOffline);
  for (const { name } of offline) await running.get(name)?.kill("SIGTERM");
  const live = SIZE - offline.length;
  await lookUntil("the offline ones are gone", async () => (await linksOf(scene)).size === live);
  say(`${SIZE} agents, ${offline.length} of them switched off (load ${currentLoad().toFixed(1)})`);

  const plan = await scene.call<Plan>("POST", "/api/v1/policy/plan", {
    floor: "mtls",
    loopback: "off",
  });
  say(`plan: ${JSON.stringify(plan.totals)}`);
  assert.equal(plan.agents.length, SIZE);
  const named = plan.agents.filter(({ verdict }) => verdict === "cut off").map(({ id }) => id);
  const refused = await policy(scene, ["apply", ...WANTED]);
  assert.deepEqual([refused.code, /would_cut_off/.test(refused.stderr)], [1, true], refused.stderr);

  const beganMs = performance.now();
  const naming = named.length === 0 ? [] : ["--allow-cut-off", named.join(",")];
  const applied = await policy(scene, ["apply", ...WANTED, "--window", WINDOW, ...naming]);
  say(applied.stdout.trim().split("\n").at(-1) ?? "");
  assert.equal(applied.code, 0, applied.stderr);
  const appliedS = secondsSince(beganMs);
  const judged = await judge(scene, plan, members);
  for (const line of tableOf(judged)) say(line);
  const sockets = openSockets(scene.plaintextPort);
  say(`open sockets of the plaintext port: ${sockets}; bytes on the wire were not captured`);

  const again = performance.now();
  for (const { name, run } of offline) running.set(name, processes.use(run()));
  const back = await timesUntilLinked({ scene, ids: idsOf(judged, offline), sinceMs: again });
  requireAsPlanned(judged);
  assert.equal(sockets, 0);

  const undo = await policy(scene, ["undo"]);
  assert.equal(undo.code, 0, undo.stderr);
  const undone = performance.now();
  const returned = await timesUntilLinked({ scene, ids: named, sinceMs: undone });
  const links = await linksOf(scene);
  assert.equal(links.size, SIZE);
  for (const { id, name } of judged.filter(({ verdict }) => verdict !== "cut off"))
    assert.equal(links.get(id)?.level, "mtls", `${name} fell by the undo`);
  say(`all ${SIZE} are linked after the undo (load ${currentLoad().toFixed(1)})`);
  const note = `${SIZE} agents, window ${WINDOW}`;
  const risen = new Map<string, number>();
  for (const { id, name, verdict } of judged) {
    const pid = running.get(name)?.pid;
    if (verdict !== "cut off" && pid !== undefined) risen.set(id, pid);
  }
  return [
    { what: "from apply to its end", unit: "s", values: [appliedS], note },
    { what: "switched off, started again, to linked at mtls", unit: "s", values: back },
    { what: "cut off, from the undo to linked", unit: "s", values: returned },
    ...(BLACK_HOLE ? await blackHole({ scene, risen, named, say }) : []),
  ];
}

/** Holds each verdict against the links that there are. */
async function judge(
  scene: PolicyScene,
  plan: Plan,
  members: readonly Member[],
): Promise<readonly Judged[]> {
  const links = await linksOf(scene);
  const byName = new Map(members.map((member) => [member.name, member]));
  return plan.agents.map((planned) => {
    const member = byName.get(planned.name);
    assert.ok(member, `the plan names ${planned.name}, whom nobody started`);
    const level = links.get(planned.id)?.level;
    return { ...planned, member, outcome: level === undefined ? "not linked" : `at ${level}` };
  });
}

function requireAsPlanned(judged: readonly Judged[]): void {
  for (const { name, verdict, reason, member, outcome } of judged) {
    const says = `${name}: ${verdict} (${reason}), but ${outcome}`;
    if (verdict === "stays") assert.equal(member.kind, "mtls", says);
    assert.equal(verdict === "cut off", member.isStraggler, says);
    const expected = member.isStraggler || member.isOffline ? "not linked" : "at mtls";
    assert.equal(outcome, expected, says);
  }
}

/** Verdict and reason by what the agent is and what became of it, counted. */
function tableOf(judged: readonly Judged[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { verdict, reason, member, outcome } of judged) {
    const was = member.isOffline ? `${member.kind}, switched off` : member.kind;
    const key = [verdict, reason, was, outcome].join(" | ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const lines = [...counts]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, count]) => `| ${key} | ${count} |`);
  return ["| verdict | reason | agent | outcome | agents |", "|---|---|---|---|--:|", ...lines];
}

function idsOf(judged: readonly Judged[], members: readonly Member[]): readonly string[] {
  return judged.filter(({ member }) => members.includes(member)).map(({ id }) => id);
}

/** Seconds from `sinceMs` until each is linked, in the order in which they come. */
async function timesUntilLinked({
  scene,
  ids,
  sinceMs,
}: {
  readonly scene: PolicyScene;
  readonly ids: readonly string[];
  readonly sinceMs: number;
}): Promise<readonly number[]> {
  const times = new Map<string, number>();
  await lookUntil(`${ids.length} agents are linked again`, async () => {
    const links = await linksOf(scene);
    for (const id of ids) if (links.has(id) && !times.has(id)) times.set(id, secondsSince(sinceMs));
    return times.size === ids.length;
  });
  return [...times.values()];
}

/** Established sockets with this port at either end, as the kernel lists them (Linux, proc(5)). */
function openSockets(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const ESTABLISHED = "01";
  return ["/proc/net/tcp", "/proc/net/tcp6"]
    .flatMap((file) => readFileSync(file, "utf8").split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local, remote, state]) =>
        state === ESTABLISHED && [local, remote].some((end) => end?.endsWith(wanted)),
    ).length;
}

async function policy(
  { dataDir }: PolicyScene,
  words: readonly string[],
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  await using verb = launchTautline(["policy", ...words, "--data", dataDir]);
  const { code } = await verb.exited;
  return { code, stdout: verb.stdout, stderr: verb.stderr };
}
