import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { AttackOrder } from "./abuse-attackers.ts";
import type { GoodOrder, GoodOutcome, GoodWindow } from "./abuse-good.ts";
import { callAdmin } from "./admin-call.ts";
import type { BenchContext, Benchmark, Row } from "./benchmark.ts";
import { startCentral, type BenchCentral } from "./central.ts";
import { residentBytes } from "./machine.ts";
import { startWorker, type Worker } from "./worker.ts";

const RUNS = 3;
const WINDOW: GoodWindow = { perSecond: 50, durationMs: 4_000 };
const CALLERS = 4;
const SECOND_MS = 1_000;
const MIB = 1024 * 1024;
/** Until which time what attackers left behind has to be gone. */
const GONE_MS = 10_000;

interface Attack extends Pick<AttackOrder, "kind" | "perSecond" | "most"> {
  readonly name: string;
}

/** So many a second that attackers, behind everybody else, take a small part of a core: what is measured is central. */
const ATTACKS: readonly Attack[] = [
  { name: "500 slow connections", kind: "slow", perSecond: 250, most: 500 },
  { name: "handshakes refused by version", kind: "refused", perSecond: 250 },
  { name: "handshakes cut after central's half", kind: "cut", perSecond: 250 },
  { name: "messages of 100 MiB", kind: "large", perSecond: 5 },
  { name: "rapid resets, by connections", kind: "resets", perSecond: 5 },
];

interface Scene {
  readonly central: BenchCentral;
  readonly good: Worker;
  readonly attackers: Worker;
  readonly order: Omit<GoodOrder, "callers">;
}

/**
 * What programs in order notice of strangers that abuse central's port for telemetry: the same calls, quiet and under attack in turns, each
 * side, central and backend processes of their own; and what central still holds ten seconds after.
 */
export const telemetryAbuse: Benchmark = async (context) => {
  await using backend = startWorker(join(import.meta.dirname, "telemetry-ends.ts"));
  await using central = await startCentral(context);
  await using good = startWorker(join(import.meta.dirname, "abuse-good.ts"));
  await using attackers = startWorker(join(import.meta.dirname, "abuse-attackers.ts"));
  const order = await openReceiver(central, await backend.ask<number>("open"));
  await good.ask("open", { ...order, callers: CALLERS });
  const scene = { central, good, attackers, order };
  // What is loaded and compiled once is no attack's doing.
  await callAll(scene);
  for (const attack of ATTACKS) await underAttack(scene, attack);
  await wait(GONE_MS);
  const rows: Row[] = [];
  for (const attack of ATTACKS) {
    context.say(attack.name);
    rows.push(...(await rowsOf(scene, attack, context)));
  }
  await central.stop();
  return rows;
};

async function openReceiver(central: BenchCentral, to: number): Promise<Scene["order"]> {
  const listener = { bind: "public", port: 0 };
  const { addresses } = await callAdmin<{ addresses: readonly string[] }>(
    central,
    "PUT",
    "/api/v1/listeners/receiver",
    listener,
  );
  const backend = { name: "bench", targets: [`127.0.0.1:${to}`] };
  await callAdmin(central, "POST", "/api/v1/backends", backend);
  const { token } = await callAdmin<{ token: string }>(central, "POST", "/api/v1/clients", {
    name: "bench",
  });
  const trust = await callAdmin<{ roots: readonly { pem: string }[] }>(
    central,
    "GET",
    "/api/v1/trust",
  );
  const rootPem = trust.roots.map(({ pem }) => pem).join("");
  return { port: Number(addresses[0]?.split(":").pop()), rootPem, token };
}

const callAll = ({ good }: Pick<Scene, "good">): Promise<GoodOutcome> =>
  good.ask<GoodOutcome>("call", WINDOW);

async function underAttack(
  scene: Scene,
  { kind, perSecond, most }: Attack,
): Promise<{ readonly outcome: GoodOutcome; readonly attempts: number }> {
  const { durationMs } = WINDOW;
  const order = { kind, perSecond, most, durationMs, ...scene.order };
  const [attempts, outcome] = await Promise.all([
    scene.attackers.ask<number>("attack", order),
    callAll(scene),
  ]);
  return { outcome, attempts };
}

interface Kept {
  readonly descriptors: number;
  readonly residentMib: number;
  readonly heldMib: number;
}

async function keptBy({ worker }: BenchCentral): Promise<Kept> {
  await worker.ask("gc");
  const { heapUsed, external } = await worker.ask<NodeJS.MemoryUsage>("memory");
  return {
    descriptors: readdirSync(`/proc/${worker.pid}/fd`).length,
    residentMib: residentBytes(worker.pid) / MIB,
    heldMib: (heapUsed + external) / MIB,
  };
}

async function rowsOf(scene: Scene, attack: Attack, { say }: BenchContext): Promise<Row[]> {
  const before = await keptBy(scene.central);
  const quiet: GoodOutcome[] = [];
  const attacked: GoodOutcome[] = [];
  const rates: number[] = [];
  // In turns, so that a busy moment of the machine falls on both.
  for (let run = 0; run < RUNS; run += 1) {
    quiet.push(await callAll(scene));
    const { outcome, attempts } = await underAttack(scene, attack);
    attacked.push(outcome);
    rates.push(attempts / (WINDOW.durationMs / SECOND_MS));
  }
  await wait(GONE_MS);
  const after = await keptBy(scene.central);
  const failed = [...quiet, ...attacked].flatMap((each) => each.failed);
  for (const why of failed.slice(0, 3)) say(why);
  const { name } = attack;
  const note = `${failed.length} calls of programs in order failed`;
  return [
    { what: `${name}: attempts`, unit: "1/s", values: rates, note },
    ...latencyRows(name, quiet, attacked),
    ...keptRows(name, before, after),
  ];
}

function latencyRows(
  name: string,
  quiet: readonly GoodOutcome[],
  attacked: readonly GoodOutcome[],
): Row[] {
  return [0.5, 0.99].flatMap((share) => {
    const [calm, under] = [quiet, attacked].map((runs) =>
      runs.map(({ took }) => quantile(took, share)),
    );
    const ratios = (under ?? []).map((value, run) => value / (calm?.[run] ?? Number.NaN));
    const what = `${name}: call p${share * 100}`;
    return [
      { what: `${what}, quiet`, unit: "ms", values: calm ?? [] },
      { what: `${what}, under attack`, unit: "ms", values: under ?? [] },
      { what: `${what}, attack : quiet`, unit: "×", values: ratios, note: "run by run" },
    ];
  });
}

function quantile(took: readonly number[], share: number): number {
  const sorted = took.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

function keptRows(name: string, before: Kept, after: Kept): Row[] {
  const more = (of: keyof Kept): number => after[of] - before[of];
  const what = (of: string): string => `${name}: more ${of} 10 s after`;
  return [
    { what: what("descriptors"), unit: "", values: [more("descriptors")] },
    { what: what("resident memory"), unit: "MiB", values: [more("residentMib")] },
    {
      what: what("heap and buffers"),
      unit: "MiB",
      values: [more("heldMib")],
      note: "after a collection",
    },
  ];
}
