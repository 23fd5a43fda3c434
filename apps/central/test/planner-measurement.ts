/**
 * Measures the planner on a large fleet: a worker of `npm run bench -- planner`. Asked `measure` with a folder, it answers with the rows of
 * the table.
 */
import { join } from "node:path";
import { levelsFrom, OPEN_POLICY } from "@tautline/protocol";
import { createStreamTable } from "../src/forwards/stream-table.ts";
import { createEvidenceHistory, type EvidenceHistory } from "../src/history/evidence-history.ts";
import type { AgentFacts, Plan, Wanted } from "../src/policy/plan.ts";
import { readFacts, readPlan } from "../src/policy/plan-reading.ts";
import { planAgents } from "../src/policy/plan-rule.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { BEGIN_MS, DAY_MS, makeFleet, openFleet } from "./history-fleet.ts";
import { noteRoadDay, onTheRoad, ROAD_DAYS, type RoadAgent, settleRows } from "./planner-fleet.ts";
import { watchTurns } from "./turn-watch.ts";

const AGENTS = 100_000;
const AGENTS_AT_ONCE = 1_000;
const RUNS = 7;
const RULE = { dailyDays: 14, weeklyDays: 45, days: 90 };
const PERIOD_MS = 30 * DAY_MS;
const NOW_MS = BEGIN_MS + ROAD_DAYS * DAY_MS;
const WANTED: Wanted = {
  namespace: undefined,
  kinds: ["control", "forward"],
  policy: { ...OPEN_POLICY, accept: levelsFrom("mtls") },
};

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

interface Clock {
  nowMs: number;
}

async function measure(folder: string): Promise<Row[]> {
  const file = join(folder, "central.db");
  const fleet = onTheRoad(makeFleet(AGENTS));
  await (await openFleet(file, fleet)).close();
  const clock = { nowMs: BEGIN_MS };
  const filled = await openStore(file);
  await fill(historyOf(filled, clock), fleet, clock);
  await settleRows(filled, fleet, NOW_MS);
  await filled.close();
  clock.nowMs = NOW_MS;
  const store = await openStore(file);
  const rows = await planRows({ store, history: historyOf(store, clock), now: () => clock.nowMs });
  await store.close();
  return rows;
}

function historyOf(store: Store, clock: Clock): EvidenceHistory {
  return createEvidenceHistory({ store, now: () => clock.nowMs, rule: RULE });
}

async function fill(
  { recorder }: EvidenceHistory,
  fleet: readonly RoadAgent[],
  clock: Clock,
): Promise<void> {
  for (let at = 0; at < fleet.length; at += AGENTS_AT_ONCE) {
    for (let day = 0; day < ROAD_DAYS; day += 1) {
      clock.nowMs = BEGIN_MS + day * DAY_MS + DAY_MS / 2;
      noteRoadDay(recorder, fleet.slice(at, at + AGENTS_AT_ONCE), day);
    }
    await recorder.flush("everything");
  }
}

async function planRows(parts: Omit<Parameters<typeof readPlan>[0], "streams">): Promise<Row[]> {
  const deps = { ...parts, streams: createStreamTable() };
  const read = await timed(() => readPlan(deps, WANTED, { sinceMs: NOW_MS - PERIOD_MS }));
  const { answer: facts, ...reading } = await timed(() => factsRead(deps));
  const ruled = await timed(async () => planAgents(facts, WANTED, NOW_MS - PERIOD_MS));
  const note = totalsText(read.answer);
  if (totalsText(ruled.answer) !== note) throw new Error("rule and reading do not say the same");
  return [
    { what: `the plan of ${AGENTS} agents, read and judged`, unit: "ms", values: read.ms, note },
    { what: "its processor time", unit: "ms", values: read.cpuMs },
    { what: "its longest hold of the event loop", unit: "ms", values: read.holdMs },
    { what: "the reading alone", unit: "ms", values: reading.ms },
    { what: "its processor time", unit: "ms", values: reading.cpuMs },
    { what: `the rule alone, of ${AGENTS} agents in memory`, unit: "ms", values: ruled.ms },
    { what: "its processor time", unit: "ms", values: ruled.cpuMs },
  ];
}

/** What the reader gives to the rule. */
async function factsRead(deps: Parameters<typeof readPlan>[0]): Promise<readonly AgentFacts[]> {
  const all: AgentFacts[] = [];
  for await (const page of readFacts(deps, undefined, NOW_MS - PERIOD_MS)) all.push(...page);
  return all;
}

interface Timed<Answer> {
  readonly answer: Answer;
  readonly ms: readonly number[];
  readonly cpuMs: readonly number[];
  readonly holdMs: readonly number[];
}

async function timed<Answer>(work: () => Promise<Answer>): Promise<Timed<Answer>> {
  const [ms, cpuMs, holdMs]: [number[], number[], number[]] = [[], [], []];
  let answer = await work();
  for (let run = 0; run < RUNS; run += 1) {
    const watch = watchTurns();
    const began = performance.now();
    const cpu = process.cpuUsage();
    answer = await work();
    ms.push(performance.now() - began);
    const { user, system } = process.cpuUsage(cpu);
    cpuMs.push((user + system) / 1_000);
    holdMs.push(watch());
  }
  return { answer, ms, cpuMs, holdMs };
}

function totalsText({ totals }: Plan): string {
  return Object.entries(totals)
    .map(([verdict, count]) => `${verdict} ${count}`)
    .join(", ");
}
