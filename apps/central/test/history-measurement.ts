/**
 * Measures the history of links of a large fleet: a worker of `npm run bench -- history`. Asked `measure` with a folder, it answers with
 * the rows of the table.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { TautlineError } from "@tautline/protocol";
import { createSeededRandom } from "@tautline/testing";
import { createEvidenceHistory, type EvidenceHistory } from "../src/history/evidence-history.ts";
import { openStore } from "../src/store/store.ts";
import {
  BEGIN_MS,
  DAY_MS,
  type FleetAgent,
  linksOf,
  makeFleet,
  openFleet,
} from "./history-fleet.ts";
import { watchTurns } from "./turn-watch.ts";

const AGENTS = 100_000;
const DAYS = 90;
/** What waits in memory is bounded: so many agents' days are made up before they are written. */
const AGENTS_AT_ONCE = 1_000;
const ROUND_DAYS = 30;
const RUNS = 5;
const RULE = { dailyDays: 14, weeklyDays: 45, days: 90 };
const REFUSAL = new TautlineError("opamp.not_your_id", { detail: { claimed: "other" } });
const MEBIBYTE = 1024 * 1024;

interface Row {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly note?: string;
}

interface Question {
  readonly id: number;
  readonly with: { readonly folder: string };
}

process.on("message", (question: Question) => {
  measure(question.with.folder).then(
    (answer) => process.send?.({ id: question.id, answer }),
    (error: unknown) => process.send?.({ id: question.id, error: String(error) }),
  );
});

async function measure(folder: string): Promise<Row[]> {
  const file = join(folder, "central.db");
  const fleet = makeFleet(AGENTS);
  await (await openFleet(file, fleet)).close();
  const emptyBytes = statSync(file).size;
  const clock = { nowMs: BEGIN_MS };
  const open = async (): Promise<Opened> => {
    const store = await openStore(file);
    const parts = { store, now: () => clock.nowMs, rule: RULE };
    return { history: createEvidenceHistory(parts), close: () => store.close() };
  };
  const filled = await open();
  await fill(filled.history, fleet, clock);
  await filled.close();
  const bytes = statSync(file).size - emptyBytes;
  const opened = await open();
  const rows = [...sizeRows(bytes, fleet), ...(await scanRows(opened.history, clock))];
  rows.push(...(await foldRows(opened.history, clock)), ...(await writeRows(opened, fleet, clock)));
  await opened.close();
  return rows;
}

interface Opened {
  readonly history: EvidenceHistory;
  readonly close: () => Promise<void>;
}

interface Clock {
  nowMs: number;
}

/** Agents in a new order each month, so that pages of the database are split as they are in a fleet that grows. */
async function fill(
  { recorder }: EvidenceHistory,
  fleet: readonly FleetAgent[],
  clock: Clock,
): Promise<void> {
  const random = createSeededRandom("order");
  for (let begin = 0; begin < DAYS; begin += ROUND_DAYS) {
    const order = fleet
      .map((agent) => ({ agent, at: random.float() }))
      .toSorted((one, other) => one.at - other.at)
      .map(({ agent }) => agent);
    for (let at = 0; at < order.length; at += AGENTS_AT_ONCE) {
      for (let day = begin; day < begin + ROUND_DAYS; day += 1) {
        clock.nowMs = BEGIN_MS + day * DAY_MS + DAY_MS / 2;
        for (const agent of order.slice(at, at + AGENTS_AT_ONCE)) noteDay({ recorder }, agent, day);
      }
      await recorder.flush("everything");
    }
  }
}

/** Two links a day: at 24 hours of life a certificate is renewed every 12. */
function noteDay({ recorder }: Pick<EvidenceHistory, "recorder">, agent: FleetAgent, day: number) {
  for (const link of linksOf(agent, day)) {
    for (const one of [{ ...link }, { ...link }]) {
      recorder.opened(one);
      recorder.closed(one);
      if (agent.pattern !== "refused") continue;
      const peerId = `spiffe://default.fleet.example.org/agent/${agent.id}`;
      recorder.refused(REFUSAL, { ...one, evidence: { ...one.evidence, peerId } });
    }
  }
}

function sizeRows(bytes: number, fleet: readonly FleetAgent[]): Row[] {
  const days = fleet.length * DAYS;
  return [
    {
      what: `history of ${AGENTS} agents, ${DAYS} days`,
      unit: "MiB",
      values: [bytes / MEBIBYTE],
      note: "growth of the database file, without compaction",
    },
    { what: "the same for an agent and a day", unit: "bytes", values: [bytes / days] },
  ];
}

async function scanRows(opened: EvidenceHistory, clock: Clock): Promise<Row[]> {
  const rows: Row[] = [];
  for (const days of [30, DAYS]) {
    const values: number[] = [];
    const processor: number[] = [];
    const turns: number[] = [];
    let lines = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const began = performance.now();
      const watch = watchTurns();
      const cpu = process.cpuUsage();
      lines = 0;
      for await (const page of opened.since(clock.nowMs - days * DAY_MS)) {
        for (const { used } of page) lines += used.length;
      }
      values.push(performance.now() - began);
      const { user, system } = process.cpuUsage(cpu);
      processor.push((user + system) / 1_000);
      turns.push(watch());
    }
    const note = `${lines} kinds of evidence`;
    rows.push(
      { what: `the planner's scan of the last ${days} days`, unit: "ms", values, note },
      { what: "its processor time", unit: "ms", values: processor },
      { what: "its longest hold of the event loop", unit: "ms", values: turns },
    );
  }
  return rows;
}

/** Five days in which nobody is seen are folded, each in slices. */
async function foldRows(opened: EvidenceHistory, clock: Clock): Promise<Row[]> {
  const rounds: number[] = [];
  const slices: number[] = [];
  for (let day = 0; day < RUNS; day += 1) {
    clock.nowMs += DAY_MS;
    let total = 0;
    let longest = 0;
    for (let isMore = true; isMore;) {
      const began = performance.now();
      isMore = await opened.fold.step();
      const took = performance.now() - began;
      total += took;
      longest = Math.max(longest, took);
    }
    rounds.push(total);
    slices.push(longest);
  }
  return [
    { what: "a day's fold, all slices together", unit: "ms", values: rounds },
    {
      what: "its longest slice",
      unit: "ms",
      values: slices,
      note: "500 rows; one slice a second in the product",
    },
  ];
}

/** The whole fleet comes back at once, as after a restart; what waits is written by slices. */
async function writeRows(
  { history: opened }: Opened,
  fleet: readonly FleetAgent[],
  clock: Clock,
): Promise<Row[]> {
  const totals: number[] = [];
  const turns: number[] = [];
  for (let run = 0; run < 3; run += 1) {
    clock.nowMs += DAY_MS;
    for (const agent of fleet) for (const link of linksOf(agent, 0)) opened.recorder.opened(link);
    const watch = watchTurns();
    const began = performance.now();
    await opened.recorder.flush("everything");
    totals.push(((performance.now() - began) * 1_000) / fleet.length);
    turns.push(watch());
  }
  return [
    { what: "written, for an agent that comes back", unit: "µs", values: totals },
    { what: "longest hold of the event loop meanwhile", unit: "ms", values: turns },
  ];
}
