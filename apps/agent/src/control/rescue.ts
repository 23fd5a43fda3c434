import {
  isLevelRefusal,
  isLower,
  ROUNDS_BEFORE_RESCUE,
  type Level,
  type TautlineError,
} from "@tautline/protocol";
import type { CandidateState, CommittedState } from "../settings/agent-state.ts";

/** A level above the one in use, and where it may be heard. */
export interface Climb {
  readonly level: Level;
  /** "host:port", in the order to try. */
  readonly addresses: readonly string[];
}

/** What decides whether an agent may help itself. */
export interface RescueFacts {
  /** In use. */
  readonly level: Level;
  /** Rounds in a row without an answer, the last one included; at least 1. */
  readonly rounds: number;
  /** How the addresses failed in the last round. */
  readonly failures: readonly TautlineError[];
  readonly state: CandidateState | CommittedState;
  /** Of the settings file. */
  readonly configured: readonly string[];
}

/** Counts the rounds of a control link, so that an agent that is not heard at its level helps itself. */
export interface Rescue {
  /** A round went by without an answer: where to try besides, and at which level. */
  readonly climbsAfter: (failures: readonly TautlineError[]) => readonly Climb[];
  /** Central answered. */
  answered(): void;
}

/**
 * Makes the count, at none.
 *
 * @param around what is asked at each round: the level in use, the agent's state; and the addresses of the settings file
 */
export function createRescue({
  level,
  state,
  configured,
}: {
  readonly level: () => Level;
  readonly state: () => RescueFacts["state"];
  readonly configured: readonly string[];
}): Rescue {
  let rounds = 0;
  return {
    climbsAfter: (failures) => {
      rounds += 1;
      return climbsAfter({ level: level(), rounds, failures, state: state(), configured });
    },
    answered: () => {
      rounds = 0;
    },
  };
}

/**
 * Decides at which levels central is tried after a round in which it was not reached at the level in use (DESIGN "Rescue"): at the one
 * that it ordered, if it did, and at mtls, with this agent's own identity and central proven by the root of its join. Never at a level
 * below, whatever anybody says or cuts off (A24): whoever forces a rescue forces a climb, and it is taken only from the real central.
 *
 * @param facts what happened
 * @returns empty while there is no reason, or no way up
 */
export function climbsAfter(facts: RescueFacts): readonly Climb[] {
  const { level, rounds, failures, state, configured } = facts;
  if (rounds < ROUNDS_BEFORE_RESCUE && !failures.some(isLevelRefusal)) return [];
  const committed = state.state === "committed" ? state : undefined;
  const levelMove = committed?.levelMove;
  const climbed = committed?.climbed?.addresses ?? [];
  const known = [...climbed, ...state.identity.addresses, ...configured];
  const wanted: readonly Climb[] = [
    ...(levelMove === undefined ? [] : [levelMove]),
    { level: "mtls", addresses: [] },
  ];
  return wanted
    .filter((climb, at) => isLower(level, climb.level) && !isRepeated(wanted, at))
    .map((climb) => ({
      level: climb.level,
      addresses: [...new Set([...climb.addresses, ...(levelMove?.addresses ?? []), ...known])],
    }));
}

function isRepeated(climbs: readonly Climb[], at: number): boolean {
  return climbs.findIndex(({ level }) => level === climbs[at]?.level) < at;
}
