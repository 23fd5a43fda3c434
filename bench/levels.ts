import { join } from "node:path";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { LEVELS } from "@tautline/protocol";
import type { Benchmark, Row } from "./benchmark.ts";
import { type BenchDial, levelDials } from "./level-dials.ts";
import { createLevelWorld } from "./level-world.ts";
import { startHaproxy, startStunnel, type TlsPeer } from "./tls-peers.ts";
import { startWorker } from "./worker.ts";

const RUNS = 7;
const MIB = 1024 * 1024;
/** What one connection carries, how often, and how many of them a run makes; rates are of exchanges. */
const LOADS = [
  { what: "handshakes", bytes: 1, exchanges: 1, connections: 300, atOnce: 16 },
  { what: "handshake + 1 MiB", bytes: MIB, exchanges: 1, connections: 60, atOnce: 4 },
  { what: "sessions of 1,000 exchanges", bytes: 100, exchanges: 1_000, connections: 8, atOnce: 4 },
] as const;
type Load = (typeof LOADS)[number];

/** Somebody who accepts, and how it is dialled. */
interface Target {
  readonly name: string;
  readonly port: number;
  readonly dial: BenchDial;
  /** Processor time that the accepting end has used, milliseconds. */
  readonly cpuMs: () => Promise<number> | number;
}

interface Ports {
  readonly all: number;
  readonly only: number;
  readonly bare: number;
  readonly behind: number;
}

/** Ratios that were aimed at, or that a reader asks for: the first by the second. */
const RATIOS: readonly (readonly [string, string])[] = [
  ["advanced", "basic"],
  ["plaintext", "plaintext, other levels off"],
  ["plaintext, other levels off", "a port that tells nothing apart"],
  ["advanced", "stunnel, key"],
  ["tls", "stunnel, certificate"],
  ["tls", "haproxy, certificate"],
];

/**
 * What each level costs, from the dial to the first answer, with one byte, with 1 MiB, and over a whole session, at a port that takes all
 * levels; beside it the same callers at stunnel and haproxy, which lead to the same sink. The dialling end is one process, the accepting one another.
 */
export const levels: Benchmark = async ({ folder, say }) => {
  const world = createLevelWorld();
  await using worker = startWorker(join(import.meta.dirname, "level-ends.ts"));
  const ports = await worker.ask<Ports>("open", world);
  const dials = levelDials(world);
  const cpuMs = (): Promise<number> => worker.ask<number>("cpu");
  const ours = [
    ...LEVELS.map((level) => ({ name: level, port: ports.all, dial: dials[level], cpuMs })),
    { name: "plaintext, other levels off", port: ports.only, dial: dials.plaintext, cpuMs },
    { name: "a port that tells nothing apart", port: ports.bare, dial: dials.plaintext, cpuMs },
  ];
  await using psk = await startStunnel(folder, world, "psk", ports.behind);
  await using certificate = await startStunnel(folder, world, "certificate", ports.behind);
  await using haproxy = await startHaproxy(folder, world, ports.behind);
  const peers = [
    ...asTarget(psk, "stunnel, key", dials.advanced),
    ...asTarget(certificate, "stunnel, certificate", dials.tls),
    ...asTarget(haproxy, "haproxy, certificate", dials.tls),
  ];
  if (peers.length < 3) say("stunnel or haproxy is not installed: their rows are missing");
  const targets: readonly Target[] = [...ours, ...peers];
  const rows: Row[] = [];
  for (const load of LOADS) rows.push(...(await measureAll(targets, load)));
  return rows;
};

function asTarget(peer: TlsPeer | undefined, name: string, dial: BenchDial): Target[] {
  return peer === undefined ? [] : [{ name, port: peer.port, dial, cpuMs: () => peer.cpuMs() }];
}

async function measureAll(targets: readonly Target[], load: Load): Promise<Row[]> {
  const rates = new Map(targets.map(({ name }) => [name, [] as number[]]));
  const costs = new Map(targets.map(({ name }) => [name, [] as number[]]));
  for (const target of targets) await measure(target, load);
  // Runs alternate, so that a busy moment of the machine falls on every row.
  for (let run = 0; run < RUNS; run += 1) {
    for (const target of targets) {
      const { rate, cpu } = await measure(target, load);
      rates.get(target.name)?.push(rate);
      costs.get(target.name)?.push(cpu);
    }
  }
  const of = (name: string): readonly number[] => rates.get(name) ?? [];
  return [
    ...targets.map(({ name }) => ({
      what: `${name}: ${load.what}`,
      unit: "1/s",
      values: of(name),
    })),
    ...targets.map(({ name }) => ({
      what: `${name}: accepting end's processor time a connection, ${load.what}`,
      unit: "ms",
      values: costs.get(name) ?? [],
    })),
    ...RATIOS.filter(([a, b]) => of(a).length > 0 && of(b).length > 0).map(([a, b]) => ({
      what: `${a} : ${b}, ${load.what}`,
      unit: "×",
      values: of(a).map((rate, run) => rate / (of(b)[run] ?? Number.NaN)),
      note: "run by run",
    })),
  ];
}

async function measure(
  target: Target,
  { bytes, exchanges, connections, atOnce }: Load,
): Promise<{ readonly rate: number; readonly cpu: number }> {
  const payload = Buffer.alloc(4 + bytes);
  payload.writeUInt32BE(bytes, 0);
  let left = connections;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const stream = await target.dial(target.port);
      for (let each = 0; each < exchanges; each += 1) await exchange(stream, payload);
      stream.destroy();
    }
  };
  const cpuBefore = await target.cpuMs();
  const began = performance.now();
  await Promise.all(Array.from({ length: atOnce }, lane));
  const seconds = (performance.now() - began) / 1_000;
  const cpu = ((await target.cpuMs()) - cpuBefore) / connections;
  return { rate: (connections * exchanges) / seconds, cpu };
}

/** Says it all and waits until it was heard to the end. */
async function exchange(stream: Duplex, payload: Buffer): Promise<void> {
  const answered = once(stream, "data");
  stream.write(payload);
  await answered;
}
