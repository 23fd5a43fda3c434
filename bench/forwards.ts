import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Benchmark, Row } from "./benchmark.ts";
import { startForwarding, type Forwarder } from "./forwarders.ts";
import { createLevelWorld } from "./level-world.ts";
import { startHaproxyPair, startStunnelPair } from "./forward-peers.ts";
import { startWorker, type Worker } from "./worker.ts";

const RUNS = 5;
const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const KB = 1024;
const LEVELS = ["basic", "advanced", "mtls"] as const;
/** Before anything is counted, so that code is warm. */
const WARM_UP = { bytes: 64 * MIB, streams: 1 };
const SHORT = { count: 1_000, atOnce: 16 };
const TALK = { count: 2_000 };
/** The first are more than the links kept ready, which stand already. */
const IDLE = { first: 20, more: 200, settleMs: 1_000 };

/** One question, and the number of a run. */
interface Measure {
  readonly what: string;
  readonly unit: string;
  readonly of: (ends: Worker, forwarder: Forwarder) => Promise<number>;
  /** Shown as the first by the second, run by run. */
  readonly ratios: boolean;
  /** `RUNS` unless told: memory that was used once is used again. */
  readonly runs?: number;
}

const bulk = (bytes: number, streams: number): Measure["of"] => {
  return async (ends, { port }) => {
    const ms = await ends.ask<number>("bulk", { port, bytes, streams });
    return bytes / MIB / (ms / 1_000);
  };
};

const MEASURES: readonly Measure[] = [
  {
    what: `memory of both processes, an idle stream of ${IDLE.more}`,
    unit: "KB",
    of: async (ends, forwarder) => {
      const { port } = forwarder;
      await ends.ask("hold", { port, count: IDLE.first });
      await wait(IDLE.settleMs);
      const before = forwarder.memoryBytes();
      await ends.ask("hold", { port, count: IDLE.more });
      await wait(IDLE.settleMs);
      const grown = forwarder.memoryBytes() - before;
      await ends.ask("drop");
      return grown / IDLE.more / KB;
    },
    ratios: false,
    runs: 1,
  },
  { what: "one stream of 1 GiB", unit: "MiB/s", of: bulk(GIB, 1), ratios: true },
  { what: "256 MiB over 8 streams", unit: "MiB/s", of: bulk(GIB / 4, 8), ratios: true },
  { what: "256 MiB over 64 streams", unit: "MiB/s", of: bulk(GIB / 4, 64), ratios: true },
  {
    what: "processor time of both processes a GiB",
    unit: "ms",
    of: async (ends, forwarder) => {
      const before = forwarder.cpuMs();
      await bulk(GIB / 4, 1)(ends, forwarder);
      return 4 * (forwarder.cpuMs() - before);
    },
    ratios: false,
  },
  {
    what: "new short streams, 16 at once",
    unit: "1/s",
    of: async (ends, { port }) => {
      const ms = await ends.ask<number>("short", { port, ...SHORT });
      return SHORT.count / (ms / 1_000);
    },
    ratios: true,
  },
  {
    what: "request and answer of 100 bytes, p50",
    unit: "µs",
    of: async (ends, { port }) => (await ends.ask<{ p50: number }>("talk", { port, ...TALK })).p50,
    ratios: true,
  },
  {
    what: "request and answer of 100 bytes, p99",
    unit: "µs",
    of: async (ends, { port }) => (await ends.ask<{ p99: number }>("talk", { port, ...TALK })).p99,
    ratios: false,
  },
];

/**
 * What carrying a program's connection costs through an agent and central, at each level, beside stunnel and haproxy as two processes
 * each; the programs at both ends are the same for all.
 */
export const forwards: Benchmark = async (context) => {
  await using ends = startWorker(join(import.meta.dirname, "forward-ends.ts"));
  const to = await ends.ask<number>("open");
  await using fleet = await startForwarding(context, LEVELS, to);
  const world = createLevelWorld();
  await using stunnel = await startStunnelPair(context.folder, world, to);
  await using haproxy = await startHaproxyPair(context.folder, world, to);
  const peers = [stunnel, haproxy].filter((peer) => peer !== undefined);
  if (peers.length < 2) context.say("stunnel or haproxy is not installed: their rows are missing");
  const all: readonly Forwarder[] = [...fleet.forwarders, ...peers];
  for (const { port } of all) await ends.ask("bulk", { port, ...WARM_UP });
  const rows: Row[] = [];
  for (const measure of MEASURES) rows.push(...(await rowsOf(measure, ends, all)));
  return rows;
};

async function rowsOf(
  { what, unit, of, ratios, runs = RUNS }: Measure,
  ends: Worker,
  all: readonly Forwarder[],
): Promise<Row[]> {
  const values = new Map(all.map(({ name }) => [name, [] as number[]]));
  // Runs alternate, so that a busy moment of the machine falls on every row.
  for (let run = 0; run < runs; run += 1) {
    for (const each of all) values.get(each.name)?.push(await of(ends, each));
  }
  const rows = all.map(({ name }) => ({
    what: `${name}: ${what}`,
    unit,
    values: values.get(name) ?? [],
  }));
  if (!ratios) return rows;
  const pairs = LEVELS.flatMap((level) =>
    ["stunnel", "haproxy"].map((peer) => [level, peer] as const),
  );
  const divided = [...pairs, ["basic", "advanced"] as const].flatMap(([one, other]) => {
    const [above = [], below = []] = [values.get(one), values.get(other)];
    if (below.length === 0) return [];
    const ratio = above.map((value, run) => value / (below[run] ?? Number.NaN));
    return [{ what: `${one} : ${other}, ${what}`, unit: "×", values: ratio, note: "run by run" }];
  });
  return [...rows, ...divided];
}
