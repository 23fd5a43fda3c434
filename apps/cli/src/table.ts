import { printableText } from "@tautline/protocol";
import type { Paint } from "./output.ts";
import type { Row } from "./row.ts";
import { oneLine } from "./safe-text.ts";

/** One column of a table for people. */
export interface Column {
  readonly title: string;
  /** Reads and formats the cell; an empty text is shown as "-". */
  readonly cell: (row: Row) => string;
  readonly align?: "left" | "right";
}

/** One line of a page for people: a name and its value; an undefined value leaves the line out. */
export type PageLine = readonly [name: string, value: string | undefined];

const LONGEST_CELL = 4_096;

const NO_RULES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
} as const;

/**
 * Renders rows as columns without rules, so that the output can be read, cut and searched alike.
 *
 * @param columns titles and cells, left to right
 * @param rows what to show; none shows `empty` instead
 * @param options `paint` for the head line, `empty` the sentence for no rows
 */
export async function renderTable(
  columns: readonly Column[],
  rows: readonly Row[],
  { paint, empty }: { readonly paint: Paint; readonly empty: string },
): Promise<string> {
  if (rows.length === 0) return empty;
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    head: columns.map((column) => paint("bold", column.title)),
    colAligns: columns.map((column) => column.align ?? "left"),
    chars: NO_RULES,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(columns.map((column) => boundCell(column.cell(row)) || "-"));
  return trimLines(table.toString());
}

/**
 * Renders names and values, one pair a line, values aligned.
 *
 * @param lines pairs in reading order; a value of several lines is indented under its first
 * @param paint for the names
 */
export function renderPage(lines: readonly PageLine[], paint: Paint): string {
  const shown = lines.filter((line): line is readonly [string, string] => line[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) => {
      const indented = value
        .split("\n")
        .map(oneLine)
        .join(`\n${" ".repeat(width + 2)}`);
      return `${paint("dim", name.padEnd(width))}  ${indented || "-"}`;
    })
    .join("\n");
}

/** One endless text must not make every line of a table endless. */
function boundCell(text: string): string {
  return printableText(text, LONGEST_CELL);
}

function trimLines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
