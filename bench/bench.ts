/**
 * Runs every benchmark, one after another, or the named ones: `npm run bench`, `npm run bench -- joins reconnects`. Prints one table and
 * writes bench/results/*.json. With --cpu-prof central writes a profile to bench/results for each of its runs.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withTempFolder } from "@tautline/testing";
import type { Benchmark } from "./benchmark.ts";
import { certificates } from "./certificates.ts";
import { eventLoop } from "./event-loop.ts";
import { forwards } from "./forwards.ts";
import { history } from "./history.ts";
import { idleMemory } from "./idle-memory.ts";
import { joins } from "./joins.ts";
import { crl } from "./crl.ts";
import { drill } from "./drill.ts";
import { currentLoad, describeMachine } from "./machine.ts";
import { levels } from "./levels.ts";
import { planner } from "./planner.ts";
import { reconnects } from "./reconnects.ts";
import { revocation } from "./revocation.ts";
import { spreadOf } from "./spread.ts";
import { startUp } from "./start-up.ts";
import { statusMessages } from "./status-messages.ts";
import { telemetry } from "./telemetry.ts";
import { telemetryAbuse } from "./telemetry-abuse.ts";
import { formatTable, type TableRow } from "./table.ts";

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  certificates,
  joins,
  reconnects,
  levels,
  forwards,
  telemetry,
  "telemetry-abuse": telemetryAbuse,
  "status-messages": statusMessages,
  "event-loop": eventLoop,
  revocation,
  crl,
  "start-up": startUp,
  "idle-memory": idleMemory,
  history,
  planner,
  drill,
};

const RESULTS = join(import.meta.dirname, "results");
const PROFILE = "--cpu-prof";
const words = process.argv.slice(2);
const named = words.filter((word) => word !== PROFILE);
const unknown = named.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark '${unknown.join("', '")}'. Benchmarks: ${Object.keys(BENCHMARKS).join(", ")}.`,
  );
  process.exit(2);
}

mkdirSync(RESULTS, { recursive: true });
const profileDir = words.includes(PROFILE) ? RESULTS : undefined;
const machine = describeMachine();
const rows: TableRow[] = [];
let failed = 0;
for (const [benchmark, run] of Object.entries(BENCHMARKS)) {
  if (named.length > 0 && !named.includes(benchmark)) continue;
  const load = currentLoad();
  const began = performance.now();
  console.error(`${benchmark} (load average ${load.toFixed(1)}) ...`);
  try {
    const measured = await withTempFolder((folder) => run({ folder, profileDir, say }));
    rows.push(...measured.map((row) => ({ benchmark, load, row })));
  } catch (error) {
    failed += 1;
    console.error(error);
    const note = "failed; see above";
    rows.push({ benchmark, load, row: { what: "-", unit: "", values: [], note } });
  }
  console.error(`  ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

const at = new Date().toISOString();
const document = {
  at,
  machine,
  rows: rows.map(({ benchmark, load, row }) => ({
    benchmark,
    load,
    ...row,
    ...spreadOf(row.values),
  })),
};
const name = `${at.replaceAll(":", "").slice(0, 17)}Z.json`;
writeFileSync(join(RESULTS, name), `${JSON.stringify(document, undefined, 2)}\n`);
const versions = Object.entries(machine.versions).map(([what, version]) => `${what} ${version}`);
console.log(formatTable(rows));
console.log(
  `\n${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ${machine.system}; ${versions.join(", ")}; ${at}`,
);
process.exitCode = failed === 0 ? 0 : 1;

function say(text: string): void {
  console.error(`  ${text}`);
}
