/**
 * Writes a Markdown table; bars and line breaks inside cells are made harmless.
 *
 * @param head the column titles
 * @param rows one list of cells a row, each of them Markdown
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return formatRow(head) + `|${"---|".repeat(head.length)}\n` + rows.map(formatRow).join("");
}

/** A value as code; texts stand bare, the rest as JSON. */
export function formatCode(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** Plain text that reads the same as Markdown: `<` opens no tag, `_` and `*` set nothing apart. */
export function formatText(text: string): string {
  return text.replace(/[\\<_*`[]/g, "\\$&");
}

function formatRow(cells: readonly string[]): string {
  const escaped = cells.map((cell) => cell.replaceAll("|", "\\|").replace(/\s*\n\s*/g, " "));
  return `| ${escaped.join(" | ")} |\n`;
}
