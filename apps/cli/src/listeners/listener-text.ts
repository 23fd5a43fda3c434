import type { Row } from "../row.ts";

/** The addresses of a listener, for people. */
export function addressesText(row: Row): string {
  return listOf(row, "addresses") || "nothing";
}

/** Its levels, for people. */
export function levelsText(row: Row): string {
  return listOf(row, "levels") || "none";
}

function listOf(row: Row, field: string): string {
  const values = row[field];
  return Array.isArray(values) ? values.map(String).join(", ") : "";
}
