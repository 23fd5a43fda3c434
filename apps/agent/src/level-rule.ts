import { compareLevels, TautlineError, type Level, type LinkEvidence } from "@tautline/protocol";

/** What decides on the level that central is dialled at. */
export interface LevelFacts {
  /** `central.level` or `--level`; undefined where nobody said. */
  readonly asked: Level | undefined;
  /** `floor` of the settings file. */
  readonly floor: Level | undefined;
  /** The highest level that was ever proven with this central. */
  readonly proven: Level | undefined;
}

/**
 * The level that an agent with an identity dials at; nothing but this host's own settings and its past decides on it (A24).
 *
 * @param facts settings and past
 * @throws agent.level_below_floor, agent.level_lowered
 */
export function joinedLevel({ asked = "mtls", floor = "mtls", proven }: LevelFacts): Level {
  return permitted(asked, floor, proven);
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
 * The level that a first answer has proven: by central's certificate, or by the key that both ends hold. Plaintext proves nothing.
 *
 * @param evidence of the link that was answered over
 */
export function provenLevel({ level, serverProven, keyId }: LinkEvidence): Level | undefined {
  const isProven = level === "tls" || level === "mtls" ? serverProven : keyId !== null;
  return isProven && level !== "plaintext" ? level : undefined;
}

/**
 * Takes the higher of what was proven so far and what is proven now.
 *
 * @returns undefined where there is nothing new to remember
 */
export function higherLevel(before: Level | undefined, now: Level | undefined): Level | undefined {
  if (now === undefined) return undefined;
  return before === undefined || compareLevels(now, before) > 0 ? now : undefined;
}

/**
 * What `agent status` shows of the level that central is dialled at.
 *
 * @param central the settings of an agent that has joined
 * @returns the level, and the name of the key where it needs one
 */
export function shownLevel(central: {
  readonly level?: Level | undefined;
  readonly key: { readonly name: string };
}): { readonly level: Level; readonly key: string | null } {
  const { level = "mtls", key } = central;
  return { level, key: level === "basic" || level === "advanced" ? key.name : null };
}
