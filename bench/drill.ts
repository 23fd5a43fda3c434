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
import { blackHole, type RisenFleet } from "./drill-black-hole.ts";
import { fleetOf, type Member, startFleet } from "./drill-fleet.ts";
import { drillSwarm } from "./drill-swarm.ts";
import { lookUntil, secondsSince } from "./drill-look.ts";
import { judge, requireAsPlanned, tableOf, type Judged, type Plan } from "./drill-verdicts.ts";
import { captureLoopback, type LoopbackCapture } from "./loopback-capture.ts";
import { currentLoad } from "./machine.ts";

const root = join(import.meta.dirname, "..");
const SIZE = Number(process.env["DRILL_AGENTS"] ?? "100");
/** So many simulated agents in place of processes. */
const SWARM = Number(process.env["DRILL_SWARM"] ?? "0");
const WINDOW = process.env["DRILL_WINDOW"] ?? "30s";
const BLACK_HOLE = process.env["DRILL_BLACK_HOLE"] !== "no";
const WANTED = ["--floor", "mtls", "--loopback", "off"];

/** F23: a fleet of real agents goes from plaintext to enforced mtls and back; each verdict is held against what really happened. */
export const drill: Benchmark = async ({ say }) => {
  process.env["TAUTLINE_PROGRAM"] ??= await bundleProgram(
    root,
    join(root, "node_modules/.cache/bundle"),
  );
  if (SWARM > 0) return await drillSwarm({ size: SWARM, blackHole: BLACK_HOLE, say });
  const rows: Row[] = [];
  await withTempFolder(async (folder) => {
    await using processes = new AsyncDisposableStack();
    const scene = await startPolicyCentral(makePolicyFolder(folder));
    processes.use(scene.process);
    const ports = [scene.agentsPort, scene.plaintextPort];
    const capture = await captureLoopback(ports, join(folder, "drill.pcapng"));
    if (capture !== undefined) processes.use(capture);
    const all = await startAll({ scene, processes, say });
    const enforced = await goUp(all);
    const untilMs = Date.now();
    const returned = await goBack(all, enforced);
    const note = `${SIZE} agents, window ${WINDOW}`;
    rows.push(
      { what: "from apply to its end", unit: "s", values: [enforced.appliedS], note },
      { what: "switched off, started again, to linked at mtls", unit: "s", values: enforced.backS },
      { what: "cut off, from the undo to linked", unit: "s", values: returned },
      await countBytes(capture, { sinceMs: enforced.sinceMs, untilMs }, say),
    );
    if (BLACK_HOLE) rows.push(...(await blackHole({ scene, say, ...risenOf(all, enforced) })));
  });
  return rows;
};

function risenOf(
  { running }: Drill,
  { judged, named }: Enforced,
): Omit<RisenFleet, "scene" | "say"> {
  const risen = new Map<string, number>();
  for (const { id, name, verdict } of judged) {
    const pid = running.get(name)?.pid;
    if (verdict !== "cut off" && pid !== undefined) risen.set(id, pid);
  }
  return {
    risen,
    named,
    identified: judged.filter(({ member }) => member.kind === "deaf").map(({ id }) => id),
  };
}

interface Drill {
  readonly scene: PolicyScene;
  readonly processes: AsyncDisposableStack;
  readonly say: (text: string) => void;
  readonly members: readonly Member[];
  /** By name. */
  readonly running: ReadonlyMap<string, LaunchedProcess>;
  readonly start: (member: Member) => void;
}

/** What an applied policy has come to. */
interface Enforced {
  readonly judged: readonly Judged[];
  /** Who was named, and is cut off. */
  readonly named: readonly string[];
  readonly appliedS: number;
  /** Seconds that each of those that were switched off took to be linked once started. */
  readonly backS: readonly number[];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly sinceMs: number;
}

async function startAll({
  scene,
  processes,
  say,
}: Omit<Drill, "members" | "running" | "start">): Promise<Drill> {
  const running = new Map<string, LaunchedProcess>();
  const keep = ({ name }: Pick<Member, "name">, launched: LaunchedProcess): void => {
    processes.use(launched);
    running.set(name, launched);
  };
  const members = await startFleet(scene, fleetOf(SIZE), keep);
  await lookUntil("all are linked", async () => (await linksOf(scene)).size === SIZE);
  const offline = members.filter(({ isOffline }) => isOffline);
  for (const { name } of offline) await running.get(name)?.kill("SIGTERM");
  const live = SIZE - offline.length;
  await lookUntil("the offline ones are gone", async () => (await linksOf(scene)).size === live);
  say(`${SIZE} agents, ${offline.length} of them switched off (load ${currentLoad().toFixed(1)})`);
  return { scene, processes, say, members, running, start: (member) => keep(member, member.run()) };
}

/** Goes up to enforced mtls, and holds each verdict of the plan against what happened. */
async function goUp({ scene, say, members, start }: Drill): Promise<Enforced> {
  const wanted = { floor: "mtls", loopback: "off" };
  const plan = await scene.call<Plan>("POST", "/api/v1/policy/plan", wanted);
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
  const [appliedS, sinceMs] = [secondsSince(beganMs), Date.now()];
  const judged = await judge(scene, plan, members);
  for (const line of tableOf(judged)) say(line);
  const sockets = openSockets(scene.plaintextPort);
  say(`open sockets of the plaintext port: ${sockets}`);
  assert.equal(sockets, 0);

  const again = performance.now();
  const offline = members.filter(({ isOffline }) => isOffline);
  for (const member of offline) start(member);
  const backS = await timesUntilLinked({ scene, ids: idsOf(judged, offline), sinceMs: again });
  requireAsPlanned(judged);
  return { judged, named, appliedS, backS, sinceMs };
}

/** @returns seconds that each of those that were cut off took to be linked again */
async function goBack(
  { scene, say }: Drill,
  { judged, named }: Enforced,
): Promise<readonly number[]> {
  const undo = await policy(scene, ["undo"]);
  assert.equal(undo.code, 0, undo.stderr);
  const returned = await timesUntilLinked({ scene, ids: named, sinceMs: performance.now() });
  const links = await linksOf(scene);
  assert.equal(links.size, SIZE);
  for (const { id, name } of judged.filter(({ verdict }) => verdict !== "cut off"))
    assert.equal(links.get(id)?.level, "mtls", `${name} fell by the undo`);
  say(`all ${SIZE} are linked after the undo (load ${currentLoad().toFixed(1)})`);
  return returned;
}

/** Not one byte in clear after the policy is enforced; the same capture did see some before. */
async function countBytes(
  capture: LoopbackCapture | undefined,
  { sinceMs, untilMs }: { readonly sinceMs: number; readonly untilMs: number },
  say: Drill["say"],
): Promise<Row> {
  const row = {
    what: "plaintext on the agents' ports, from the end of apply to the undo",
    unit: "B",
  };
  if (capture === undefined) {
    const note = "tshark is not installed (Debian's package tshark): nothing was captured";
    say(note);
    return { ...row, values: [], note };
  }
  const { times, untold } = await capture.count([0, sinceMs, untilMs]);
  const [before, enforced] = times;
  assert.ok(before !== undefined && enforced !== undefined);
  say(`captured payload before: ${JSON.stringify(before.counts)} B`);
  say(
    `captured payload while enforced, ${((untilMs - sinceMs) / 1_000).toFixed(1)} s: ${JSON.stringify(enforced.counts)} B; ${untold} B too few to tell`,
  );
  const { plain, basic, tls } = enforced.counts;
  assert.ok(before.counts.plain > 0 && before.counts.basic > 0 && tls > 0, "the capture is blind");
  assert.deepEqual([plain, basic], [0, 0], enforced.plainSamples.slice(0, 20).join("\n"));
  return { ...row, values: [plain], note: `of ${tls} B of TLS` };
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
