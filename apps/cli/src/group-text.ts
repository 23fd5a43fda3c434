import { textOf, type Row } from "./row.ts";

/**
 * The key-exchange group of a link, for people: "not known" where it could not be proven, "none" at plaintext, where no keys were
 * exchanged.
 *
 * @param row evidence of a link, with its level
 */
export function groupText(row: Row): string {
  return textOf(row, "group") || (textOf(row, "level") === "plaintext" ? "none" : "not known");
}

/**
 * The same within a sentence: a group's own name says what it is.
 *
 * @param row evidence of a link, with its level
 */
export function groupPhrase(row: Row): string {
  if (textOf(row, "group") !== "") return textOf(row, "group");
  return textOf(row, "level") === "plaintext" ? "no key exchange" : "group not known";
}
