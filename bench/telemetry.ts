import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Benchmark, Row } from "./benchmark.ts";
import { createLevelWorld, type LevelWorld } from "./level-world.ts";
import { processorMs, residentBytes } from "./machine.ts";
import { startHaproxyGrpc, startNginxGrpc } from "./telemetry-peers.ts";
import { startWorker, type Worker } from "./worker.ts";

const RUNS = 3;
const WARM_UP = { count: 2_000, atOnce: 32 };
const UNARY = { count: 3_000, atOnce: 32 };
const TALK = { count: 500, atOnce: 1 };
const STREAM = { count: 20_000, atOnce: 1 };
const IDLE = { first: 10, more: 100, settleMs: 1_000 };
const KB = 1024;
const SECOND_MS = 1_000;

/** A way to the backend; what is measured of itself is not known of the direct one. */
interface Way {
  readonly name: string;
  readonly port: number;
  readonly world: LevelWorld | undefined;
  readonly cpuMs: (() => number) | undefined;
  readonly memoryBytes: (() => number) | undefined;
}

interface Measured {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
}

/**
 * What carrying gRPC costs behind mutual TLS 1.3, one process each: ours, nginx (grpc_pass) and haproxy, beside the direct way without TLS;
 * the programs at both ends are the same for all, and share a process of their own.
 */
export const telemetry: Benchmark = async (context) => {
  await using ends = startWorker(join(import.meta.dirname, "telemetry-ends.ts"));
  const to = await ends.ask<number>("open");
  const world = createLevelWorld();
  const profile =
    context.profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${context.profileDir}`];
  await using carrier = startWorker(join(import.meta.dirname, "telemetry-carrier.ts"), [], profile);
  await using nginx = await startNginxGrpc(context.folder, world, to);
  await using haproxy = await startHaproxyGrpc(context.folder, world, to);
  const peers = [nginx, haproxy].filter((peer) => peer !== undefined);
  if (peers.length < 2) context.say("nginx or haproxy is not installed: their rows are missing");
  const ways: Way[] = [
    { name: "direct", port: to, world: undefined, cpuMs: undefined, memoryBytes: undefined },
    {
      name: "tautline",
      port: await carrier.ask<number>("open", { to, world }),
      world,
      cpuMs: () => processorMs(carrier.pid),
      memoryBytes: () => residentBytes(carrier.pid),
    },
    ...peers.map((peer) => ({
      name: peer.name,
      port: peer.port,
      world,
      cpuMs: () => peer.cpuMs(),
      memoryBytes: () => peer.memoryBytes(),
    })),
  ];
  for (const way of ways) await ends.ask("unary", { ...WARM_UP, ...toOf(way) });
  const rows = await rowsOf(ways, ends);
  const idle = await idleRows(ways, ends);
  await carrier.stop();
  return [...rows, ...idle];
};

function toOf({ port, world }: Way): { port: number; world: LevelWorld | undefined } {
  return { port, world };
}

async function measure(way: Way, ends: Worker): Promise<Measured[]> {
  const to = toOf(way);
  const before = way.cpuMs?.();
  const unaryMs = await ends.ask<number>("unary", { ...UNARY, ...to });
  const spentMs = before === undefined ? undefined : (way.cpuMs?.() ?? 0) - before;
  const talk = await ends.ask<{ p50: number; p99: number }>("talk", { ...TALK, ...to });
  // The client's long streams did not come to their end through haproxy 2.6: no figure of it.
  const streamMs =
    way.name === "haproxy" ? undefined : await ends.ask<number>("stream", { ...STREAM, ...to });
  const messages = { what: "messages there and back on one stream", unit: "1/s" };
  const cpu = { what: "processor time of a unary call", unit: "µs" };
  return [
    { what: "unary calls, 32 at once", unit: "1/s", value: UNARY.count / (unaryMs / SECOND_MS) },
    ...(spentMs === undefined ? [] : [{ ...cpu, value: (spentMs / UNARY.count) * SECOND_MS }]),
    { what: "unary call, one after another, p50", unit: "µs", value: talk.p50 },
    { what: "unary call, one after another, p99", unit: "µs", value: talk.p99 },
    ...(streamMs === undefined
      ? []
      : [{ ...messages, value: STREAM.count / (streamMs / SECOND_MS) }]),
  ];
}

async function rowsOf(ways: readonly Way[], ends: Worker): Promise<Row[]> {
  const runs: Map<string, Measured[]>[] = [];
  // Runs alternate, so that a busy moment of the machine falls on every row.
  for (let run = 0; run < RUNS; run += 1) {
    const measured = new Map<string, Measured[]>();
    for (const way of ways) measured.set(way.name, await measure(way, ends));
    runs.push(measured);
  }
  const first = runs[0] ?? new Map<string, Measured[]>();
  const rows = [...first].flatMap(([name, list]) =>
    list.map(({ what, unit }) => ({
      what: `${name}: ${what}`,
      unit,
      values: runs.flatMap((run) => valueOf(run, name, what)),
    })),
  );
  return [...rows, ...comparisons(ways, runs)];
}

function comparisons(ways: readonly Way[], runs: readonly Map<string, Measured[]>[]): Row[] {
  const list: Row[] = [];
  const [calls, messages] = ["unary calls, 32 at once", "messages there and back on one stream"];
  for (const peer of ways.filter(({ name }) => name === "nginx" || name === "haproxy")) {
    for (const what of [calls, messages]) {
      const values = runs.flatMap((run) => {
        const [ours, theirs] = [valueOf(run, "tautline", what), valueOf(run, peer.name, what)];
        return theirs.map((value, at) => (ours[at] ?? Number.NaN) / value);
      });
      if (values.length === 0) continue;
      list.push({
        what: `tautline : ${peer.name}, ${what}`,
        unit: "×",
        values,
        note: "run by run",
      });
    }
  }
  for (const { name } of ways.slice(1)) {
    for (const share of ["p50", "p99"]) {
      const what = `unary call, one after another, ${share}`;
      const values = runs.flatMap((run) => {
        const [through, direct] = [valueOf(run, name, what), valueOf(run, "direct", what)];
        return through.map((value, at) => value - (direct[at] ?? Number.NaN));
      });
      list.push({
        what: `${name}: added to a call, ${share}`,
        unit: "µs",
        values,
        note: "run by run",
      });
    }
  }
  return list;
}

function valueOf(run: Map<string, Measured[]>, name: string, what: string): number[] {
  return (run.get(name) ?? []).filter((one) => one.what === what).map(({ value }) => value);
}

async function idleRows(ways: readonly Way[], ends: Worker): Promise<Row[]> {
  const rows: Row[] = [];
  for (const way of ways) {
    if (way.memoryBytes === undefined) continue;
    await ends.ask("hold", { count: IDLE.first, ...toOf(way) });
    await wait(IDLE.settleMs);
    const before = way.memoryBytes();
    await ends.ask("hold", { count: IDLE.more, ...toOf(way) });
    await wait(IDLE.settleMs);
    const value = (way.memoryBytes() - before) / IDLE.more / KB;
    rows.push({
      what: `${way.name}: memory of an idle connection of ${IDLE.more}`,
      unit: "KB",
      values: [value],
    });
    await ends.ask("drop");
  }
  return rows;
}
