import { basename } from "node:path";
import type { OldFinding } from "@tautline/daemon";
import { oneLine } from "../safe-text.ts";

/**
 * Renders what was noticed in an old settings file for people.
 *
 * @param finding one of them
 */
export function renderOldFinding({ severity, file, line, what, why, remedy }: OldFinding): string {
  const where = line === null ? basename(file) : `${basename(file)}, line ${line}`;
  return [`${severity}: ${where}: ${what}.`, `  why it matters: ${why}`, `  what to do: ${remedy}`]
    .map(oneLine)
    .join("\n");
}
