import { rowOf, textOf, type Row } from "./row.ts";

/**
 * What an agent said of itself over a live link, for a page; undefined where it said nothing.
 *
 * @param row an agent or a link, as central lists it
 */
export function offerText(row: Row): string | undefined {
  const offers = rowOf(row, "offers");
  if (offers["version"] === undefined) return undefined;
  const levels = textOf(offers, "levels") || "no level";
  return [`version ${textOf(offers, "version")} with ${levels}`, upgradeText(row)]
    .filter(Boolean)
    .join("; ");
}

/**
 * The version that an agent needs, for a table's cell; empty where it needs none.
 *
 * @param row an agent or a link, as central lists it
 */
export function upgradeText(row: Row): string {
  const upgrade = textOf(row, "upgrade");
  return upgrade === "" ? "" : `upgrade to ${upgrade}`;
}
