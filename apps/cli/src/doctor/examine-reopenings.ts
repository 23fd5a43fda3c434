import { isOpen } from "../policy/reopening-note.ts";
import { textOf, type Row } from "../row.ts";
import { timeAndDistance } from "../time-text.ts";
import type { Finding } from "./finding.ts";

/**
 * Names where plaintext is open to say where to join: meant by somebody, and not to be forgotten.
 *
 * @param reopenings as central lists them
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 */
export function examineReopenings(reopenings: readonly Row[], nowMs: number): readonly Finding[] {
  return reopenings.filter(isOpen).map((row) => {
    const id = textOf(row, "id");
    return {
      severity: "warning",
      what: `Plaintext is re-opened to ${textOf(row, "from")} until ${timeAndDistance(row["until"], nowMs)}`,
      where: `re-opening ${id}, by ${textOf(row, "openedBy")}`,
      why: "Callers there are told central's addresses and the pin of its root, which anybody on the way can change, and nothing else.",
      remedy: `'tautline policy reopenings ${id}' names those that were told; 'tautline policy end-reopening ${id}' ends it before its time.`,
    };
  });
}
