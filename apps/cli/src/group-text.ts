import { textOf, type Row } from "./row.ts";

/**
 * The key-exchange group of a link, for people: what cannot be proved is "not known", plaintext has none.
 *
 * @param link a row with `level` and `group`
 */
export function groupText(link: Row): string {
  return textOf(link, "group") || (link["level"] === "plaintext" ? "none" : "not known");
}

/**
 * Level and group in one phrase, such as `mtls, X25519MLKEM768`; of plaintext nothing stands behind the level.
 *
 * @param link a row with `level` and `group`
 */
export function levelAndGroup(link: Row): string {
  const level = textOf(link, "level");
  return level === "plaintext" ? level : `${level}, ${textOf(link, "group") || "group not known"}`;
}
