import { compareLevels, higherLevel, TautlineError, type Level } from "@tautline/protocol";
import type { AgentState } from "./settings/agent-state.ts";

/** What decides on the level that central is dialled at. */
export interface LevelFacts {
  /** `central.level` or `--level`; undefined where nobody said. */
  readonly asked: Level | undefined;
  /** `floor` of the settings file. */
  readonly floor: Level | undefined;
  /** The highest level that was ever proven with this central. */
  readonly proven: Level | undefined;
  /** The level that was climbed to, by instruction or rescue; undefined where none was. */
  readonly climbed?: Level | undefined;
}

/**
 * What an agent's state says of its past.
 *
 * @param state before the join is proven it has none
 */
export function pastLevels(state: AgentState | undefined): Pick<LevelFacts, "proven" | "climbed"> {
  const past = state?.state === "committed" ? state : undefined;
  return { proven: past?.provenLevel, climbed: past?.climbed?.level };
}

/**
 * The level that an agent with an identity dials at: the higher of what its settings ask for and what it has climbed to. Nothing else
 * decides on it (A24).
 *
 * @param facts settings and past
 * @throws agent.level_below_floor, agent.level_lowered
 */
export function joinedLevel({
  asked = "mtls",
  floor = "mtls",
  proven,
  climbed,
}: LevelFacts): Level {
  return permitted(higherLevel(asked, climbed) ?? asked, floor, proven);
}

/**
 * The level that an agent without an identity dials at: what it was told, as far as nothing higher was proven before.
 *
 * @param facts settings and past; without `asked` there is none
 * @throws agent.level_below_floor, agent.level_lowered
 */
export function legacyLevel(facts: LevelFacts & { readonly asked: Level }): Level {
  return permitted(facts.asked, facts.floor ?? "plaintext", facts.proven);
}

function permitted(level: Level, floor: Level, proven: Level | undefined): Level {
  if (compareLevels(level, floor) < 0) {
    throw new TautlineError("agent.level_below_floor", { detail: { level, floor } });
  }
  if (proven !== undefined && compareLevels(level, proven) < 0) {
    throw new TautlineError("agent.level_lowered", { detail: { level, proven } });
  }
  return level;
}

/**
 * What `agent status` shows of the level that central is dialled at.
 *
 * @param level in use
 * @param key of the settings
 * @returns the level, and the name of the key where it needs one
 */
export function shownLevel(
  level: Level,
  key: { readonly name: string },
): { readonly level: Level; readonly key: string | null } {
  return { level, key: level === "basic" || level === "advanced" ? key.name : null };
}
