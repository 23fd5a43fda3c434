import { relative } from "node:path";
import type { EventData } from "node:test";

type Summary = EventData.TestCoverage["summary"];

/** How many of the least covered files are shown when the whole is below its threshold. */
const SHOWN_FILES = 25;

/** One line: what share of lines, branches and functions the tests ran. */
export function formatCoverage({ totals }: Summary): string {
  const { coveredLinePercent, coveredBranchPercent, coveredFunctionPercent } = totals;
  return [
    `${coveredLinePercent.toFixed(1)} % of lines`,
    `${coveredBranchPercent.toFixed(1)} % of branches`,
    `${coveredFunctionPercent.toFixed(1)} % of functions`,
  ].join(", ");
}

/** What is below its threshold, by name; empty when all is well. */
export function missedThresholds({ totals, thresholds }: Summary): string[] {
  const pairs = [
    ["lines", totals.coveredLinePercent, thresholds.line],
    ["branches", totals.coveredBranchPercent, thresholds.branch],
    ["functions", totals.coveredFunctionPercent, thresholds.function],
  ] as const;
  return pairs
    .filter(([, covered, wanted]) => covered < wanted)
    .map(
      ([what, covered, wanted]) =>
        `coverage of ${what}: ${covered.toFixed(2)} %, wanted ${wanted} %`,
    );
}

/** The files with the most lines that no test runs, and how many those are. */
export function formatLeastCovered({ files, workingDirectory }: Summary): string {
  return files
    .map((file) => ({ ...file, missed: file.totalLineCount - file.coveredLineCount }))
    .filter(({ missed }) => missed > 0)
    .sort((one, other) => other.missed - one.missed)
    .slice(0, SHOWN_FILES)
    .map(({ path, missed, coveredLinePercent }) => {
      const share = coveredLinePercent.toFixed(1).padStart(5);
      return `${String(missed).padStart(6)} lines not run (${share} % run)  ${relative(workingDirectory, path)}\n`;
    })
    .join("");
}
