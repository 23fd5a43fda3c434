/**
 * Runs every test there is, stage by stage (npm test), the named stages (npm test -- unit cli), or the static ones (npm run check).
 * Every stage runs, whatever failed before it; the last line is `N passed, N failed, N skipped`, and the exit code 1 if any failed.
 */
import { join } from "node:path";
import { testEnvironment } from "./test/environment.ts";
import { runStage, type StageResult } from "./test/run-stage.ts";
import { chooseStages, STAGES } from "./test/stages.ts";
import { addTotals, formatTotals } from "./test/totals.ts";

const choice = chooseStages(process.argv.slice(2));
if ("unknown" in choice) {
  const names = STAGES.map(({ name }) => name).join(", ");
  process.stderr.write(
    `There is no stage '${choice.unknown.join("', '")}'. Stages: ${names}; check.\n`,
  );
  process.exit(2);
}

const print = (text: string): void => void process.stdout.write(text);
const setting = {
  root: join(import.meta.dirname, ".."),
  environment: testEnvironment(process.env),
  print,
};

const results: StageResult[] = [];
for (const stage of choice.stages) {
  const begun = performance.now();
  const result = await runStage(stage, setting);
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  print(formatLine(stage.name, result, seconds));
  results.push(result);
}

const failures = results.flatMap((result) => result.failures);
const totals = addTotals(results);
if (totals.passed + totals.skipped === 0 && totals.failed === 0) {
  failures.push("no test was run");
}
print(
  failures.length === 0 ? "\n" : `\nFailed:\n${failures.map((name) => `  ${name}\n`).join("")}\n`,
);
print(`${formatTotals(totals)}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

function formatLine(name: string, result: StageResult, seconds: string): string {
  const counts = result.verdict === "none" ? "" : formatTotals(result);
  const parts = [`${seconds} s`, counts, result.remark].filter((part) => part !== "");
  return `${name.padEnd(13)}${result.verdict.padEnd(8)}${parts.join("  ")}\n`;
}
