import { existsSync, readFileSync } from "node:fs";
import { TautlineError } from "@tautline/protocol";
import { writeFileDurably } from "@tautline/vault";

/** The levels that files of an existing PKI give. */
export type FileLevel = "tls" | "mtls";

const LONGEST_CHARACTERS = 256;

/**
 * Reads what files in the data folder have switched on.
 *
 * @param marker the file in which it is noted
 * @returns undefined where they never did
 * @throws files.unreadable : a damaged note is no reason to start with less
 */
export function readSwitch(marker: string): FileLevel | undefined {
  if (!existsSync(marker)) return undefined;
  const level = levelIn(marker);
  if (level !== undefined) return level;
  const reason = "it does not hold what was noted in it";
  throw new TautlineError("files.unreadable", { detail: { file: marker, reason } });
}

/**
 * Notes that files have switched a level on, before the first dial; a higher one that is noted stays.
 *
 * @param marker the file in which it is noted
 * @param level what they give now
 * @throws files.unreadable, vault.file_*
 */
export function rememberSwitch(marker: string, level: FileLevel): void {
  const before = readSwitch(marker);
  if (before === level || before === "mtls") return;
  writeFileDurably(marker, `${JSON.stringify({ level })}\n`);
}

function levelIn(marker: string): FileLevel | undefined {
  const text = readText(marker);
  try {
    const note = JSON.parse(text.slice(0, LONGEST_CHARACTERS)) as { level?: unknown } | null;
    const level = note?.level;
    return level === "tls" || level === "mtls" ? level : undefined;
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    throw new TautlineError("files.unreadable", { cause, detail: { file, reason } });
  }
}
