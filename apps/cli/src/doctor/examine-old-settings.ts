import { existsSync } from "node:fs";
import { join } from "node:path";
import type { OldFinding } from "@tautline/daemon";
import { isTautlineError } from "@tautline/protocol";
import type { Finding } from "./finding.ts";

/** The old files that `--config` and `config import` take, by whose settings they are. */
const OLD_FILES = {
  central: ["collector.properties"],
  agent: ["agent.properties", "agent.conf"],
} as const;

/**
 * Finds old settings files in a data folder.
 *
 * @param role whose folder it is
 * @param folder absolute path
 */
export function oldFilesIn(role: "central" | "agent", folder: string): readonly string[] {
  return OLD_FILES[role].map((name) => join(folder, name)).filter((file) => existsSync(file));
}

/**
 * Takes over what is noticed in an old settings file.
 *
 * @param file absolute path
 * @param check reads it as the program would
 */
export function examineOldFile(
  file: string,
  check: (file: string) => readonly OldFinding[],
): readonly Finding[] {
  try {
    return check(file).map(({ severity, line, what, why, remedy }) => ({
      severity,
      what,
      where: line === null ? file : `${file}, line ${line}`,
      why,
      remedy,
    }));
  } catch (error) {
    if (!isTautlineError(error)) throw error;
    const why = "The program refuses to start with it, rather than guess what was meant.";
    return [{ severity: "error", what: error.message, where: file, why, remedy: error.remedy }];
  }
}
