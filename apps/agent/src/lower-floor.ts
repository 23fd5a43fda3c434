import { higherLevel, isLower, TautlineError, type Level } from "@tautline/protocol";
import { openAgentVault } from "./agent-vault.ts";
import type { AgentConfig } from "./config.ts";
import type { DataFolder } from "./data-folder.ts";
import { takeFolderLock } from "./folder-lock.ts";
import { openLocalAudit } from "./instructions/local-audit.ts";
import { pastLevels } from "./level-rule.ts";
import { readLegacy, writeLegacy } from "./legacy/legacy-file.ts";
import type { AgentState } from "./settings/agent-state.ts";
import { readOpenSettings } from "./settings/settings-file.ts";
import { openSettingsStore } from "./settings/settings-store.ts";

/** Where the agent is, and how its vault is opened. */
export interface LowerFloorOptions {
  readonly folder: DataFolder;
  readonly config: AgentConfig;
  readonly readVariable: (name: string) => string | undefined;
  readonly now: () => number;
}

/** What was changed. */
export interface LoweredFloor {
  /** The highest level that was proven until now; null where none was. */
  readonly was: Level | null;
  /** From now on. */
  readonly is: Level | null;
}

/**
 * Lets an agent that is stopped dial below the highest level that it has proven with its central. Only somebody on this host can.
 *
 * @param level nothing below it is dialled from now on; a level that is not lower changes nothing
 * @param options the agent's folder
 * @throws agent.not_joined, agent.already_running, agent.out_of_order while the join is not finished, vault.* codes
 */
export async function lowerFloor(level: Level, options: LowerFloorOptions): Promise<LoweredFloor> {
  const { folder } = options;
  const isJoined = readOpenSettings(folder.settings) !== undefined;
  if (!isJoined && readLegacy(folder.legacy) === undefined) {
    throw new TautlineError("agent.not_joined", { detail: { dataDir: folder.path } });
  }
  const lock = takeFolderLock(folder.lock, folder.path);
  try {
    return isJoined ? await lowerJoined(level, options) : lowerLegacy(level, folder.legacy);
  } finally {
    lock.release();
  }
}

function lowerLegacy(level: Level, file: string): LoweredFloor {
  const state = readLegacy(file);
  const was = state?.provenLevel;
  if (state === undefined || was === undefined || !isLower(level, was)) return unchanged(was);
  writeLegacy(file, { ...state, provenLevel: level });
  return { was, is: level };
}

async function lowerJoined(
  level: Level,
  { folder, config, readVariable, now }: LowerFloorOptions,
): Promise<LoweredFloor> {
  const vault = await openAgentVault({ folder, config, readVariable, mayCreate: false });
  try {
    const store = openSettingsStore(folder.settings, vault);
    const was = highestOf(store.state);
    if (was === undefined || !isLower(level, was)) return unchanged(was);
    const audit = openLocalAudit(folder.audit, now);
    try {
      audit.append("level.allowed", { level, was });
    } finally {
      audit.close();
    }
    store.apply({ kind: "level_allowed", level });
    return { was, is: level };
  } finally {
    vault.close();
  }
}

/** What was climbed to is dialled also where the proof of it was not written down any more. */
function highestOf(state: AgentState | undefined): Level | undefined {
  const { proven, climbed } = pastLevels(state);
  return higherLevel(proven, climbed) ?? proven;
}

function unchanged(was: Level | undefined): LoweredFloor {
  return { was: was ?? null, is: was ?? null };
}
