import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { TautlineError } from "@tautline/protocol";
import { agentConfigExample } from "./config.ts";
import type { DataFolder } from "./data-folder.ts";

/**
 * Removes everything that an agent keeps in its data folder, and the folder if nothing else is in it. The state goes first and is
 * forced to disk: whatever a crash leaves behind (F3), it is no agent any more. What is not the agent's stays, such as an
 * agent.yaml that somebody wrote.
 *
 * @param folder whose lock the caller holds
 * @param edgeFolder name of the folder in it where the edge keeps calls: without the vault's key nobody could open them any more
 * @throws agent.wipe_failed naming the first file that would not go
 */
export function wipeFolder(folder: DataFolder, edgeFolder: string): void {
  const { path, settings, legacy, vaultHeader, vaultKey, audit, socket, lock, config } = folder;
  remove(settings);
  syncFolder(path);
  const kept = join(path, edgeFolder);
  const files = [legacy, vaultKey, vaultHeader, audit, ...leftovers(path), ...keptCalls(kept)];
  for (const file of [...files, socket, lock]) remove(file);
  removeIfEmpty(kept);
  if (isExample(config)) remove(config);
  removeIfEmpty(path);
}

/** Trails that were set aside as damaged, and files whose writing a crash cut off. */
function leftovers(path: string): string[] {
  const own = /^(audit\.jsonl\.damaged-\d+|\.[\w.-]+\.[0-9a-f]{16}\.tmp)$/;
  return readdirSync(path)
    .filter((name) => own.test(name))
    .map((name) => join(path, name));
}

function keptCalls(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const own = /^(calls-\d{16}\.kept|state\.json|\.state\.json\.[0-9a-f]{16}\.tmp)$/;
  return readdirSync(folder)
    .filter((name) => own.test(name))
    .map((name) => join(folder, name));
}

function isExample(config: string): boolean {
  try {
    return readFileSync(config, "utf8") === agentConfigExample();
  } catch {
    return false;
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown cause";
    throw new TautlineError("agent.wipe_failed", { cause, detail: { file, reason } });
  }
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else's files are in it, or its own parent may not be written: an empty folder hurts nobody.
  }
}
