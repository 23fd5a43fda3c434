import type { Paint } from "../output.ts";
import { oneLine } from "../safe-text.ts";

/** How bad: an error makes `doctor` exit 1, a warning will become an error or weakens something, info is good to know. */
export type Severity = "error" | "warning" | "info";

/** One thing that `doctor` noticed (DESIGN "Words"). */
export interface Finding {
  readonly severity: Severity;
  readonly what: string;
  /** The file, port, host or agent it was seen at. */
  readonly where: string;
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
}

const ORDER: readonly Severity[] = ["error", "warning", "info"];
const STYLE = { error: "red", warning: "yellow", info: "dim" } as const;

/**
 * Sorts findings, worst first, and drops those that say the same of the same place.
 *
 * @param findings from all sources
 */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const unique = new Map(findings.map((finding) => [`${finding.what}\n${finding.where}`, finding]));
  return [...unique.values()].toSorted(
    (left, right) => ORDER.indexOf(left.severity) - ORDER.indexOf(right.severity),
  );
}

/**
 * Renders findings for people.
 *
 * @param findings sorted
 * @param looked what was examined, for the closing line
 * @param paint colours the severity
 */
export function renderFindings(
  findings: readonly Finding[],
  looked: readonly string[],
  paint: Paint,
): string {
  const blocks = findings.map((finding) =>
    [
      `${paint(STYLE[finding.severity], `${finding.severity}:`)} ${paint("bold", finding.what)}`,
      `  where: ${finding.where}`,
      `  why it matters: ${finding.why}`,
      `  what to do: ${finding.remedy}`,
    ]
      .map(oneLine)
      .join("\n"),
  );
  return [...blocks, `${countText(findings)} Looked at: ${looked.join(", ")}.`].join("\n\n");
}

function countText(findings: readonly Finding[]): string {
  const count = (severity: Severity): number =>
    findings.filter((finding) => finding.severity === severity).length;
  const words = [
    [count("error"), "error"] as const,
    [count("warning"), "warning"] as const,
    [count("info"), "remark"] as const,
  ]
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}${number === 1 ? "" : "s"}`);
  return words.length === 0 ? "Nothing is wrong." : `${words.join(", ")}.`;
}
