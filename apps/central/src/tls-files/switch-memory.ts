import { existsSync, readFileSync } from "node:fs";
import { parseJson, TautlineError } from "@tautline/protocol";
import { writeFileDurably } from "@tautline/vault";
import type { SwitchedOn } from "./server-file-rule.ts";

const LIMITS_OF_NOTE = { maxBytes: 256, maxDepth: 2 };

/**
 * Reads what files in the data folder have switched on.
 *
 * @param marker the file in which it is noted
 * @throws files.unreadable : a damaged note is no reason to start with less
 */
export function readSwitches(marker: string): SwitchedOn {
  if (!existsSync(marker)) return { pair: false, clients: false };
  try {
    const note = parseJson(readFileSync(marker, "utf8"), LIMITS_OF_NOTE);
    const { pair, clients } = (note ?? {}) as Record<keyof SwitchedOn, unknown>;
    if (typeof pair === "boolean" && typeof clients === "boolean") return { pair, clients };
  } catch (cause) {
    throw damaged(marker, cause);
  }
  throw damaged(marker);
}

/**
 * Notes what files have switched on, before anybody is shown it; what is noted already stays.
 *
 * @param marker the file in which it is noted
 * @param now what they do now
 * @throws files.unreadable, vault.file_*
 */
export function rememberSwitches(marker: string, now: SwitchedOn): void {
  const before = readSwitches(marker);
  const both = { pair: before.pair || now.pair, clients: before.clients || now.clients };
  if (both.pair === before.pair && both.clients === before.clients) return;
  writeFileDurably(marker, `${JSON.stringify(both)}\n`);
}

function damaged(file: string, cause?: unknown): TautlineError {
  const reason = "it does not hold what was noted in it";
  return new TautlineError("files.unreadable", { detail: { file, reason }, cause });
}
