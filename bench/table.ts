import type { Row } from "./benchmark.ts";
import { spreadOf } from "./spread.ts";

/** A row with the benchmark it belongs to and the machine's load average when that began. */
export interface TableRow {
  readonly benchmark: string;
  readonly load: number;
  readonly row: Row;
}

/** Writes a number with three digits that say something. */
export function formatNumber(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

/**
 * Writes the rows as one Markdown table.
 *
 * @param rows in their order
 */
export function formatTable(rows: readonly TableRow[]): string {
  const head = ["benchmark", "what", "median", "[min..max]", "unit", "runs", "load", "note"];
  const right = new Set([2, 5, 6]);
  const cells = rows.map(({ benchmark, load, row }) => {
    const spread = spreadOf(row.values);
    const [middle, ends] =
      spread === undefined
        ? ["-", "-"]
        : [
            formatNumber(spread.median),
            `[${formatNumber(spread.min)}..${formatNumber(spread.max)}]`,
          ];
    const runs = String(spread?.runs ?? 0);
    return [benchmark, row.what, middle, ends, row.unit, runs, load.toFixed(1), row.note ?? ""];
  });
  const widths = head.map((name, at) =>
    Math.max(name.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const format = (line: readonly string[]): string =>
    `| ${line.map((cell, at) => (right.has(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, at) => (right.has(at) ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2))).join("|")}|`;
  return [format(head), rule, ...cells.map(format)].join("\n");
}
