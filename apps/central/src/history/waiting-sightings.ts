import { profileText } from "./evidence-profile.ts";
import { dayOf, mergeSpans } from "./span.ts";
import type { Sighting } from "./span-store.ts";

/** Sightings that are not on the disk yet, those of one agent, place and day together. */
export interface WaitingSightings {
  readonly size: number;
  /**
   * Adds one.
   *
   * @returns false when there is no room for another agent, place or day
   */
  add(sighting: Sighting): boolean;
  /**
   * Takes out those of some agents, the longest waiting first.
   *
   * @param agents at most so many agents
   */
  take(agents: number): readonly Sighting[];
}

/**
 * Makes an empty store of waiting sightings.
 *
 * @param most how many may wait
 */
export function createWaitingSightings(most: number): WaitingSightings {
  const byAgent = new Map<string, Map<string, Sighting>>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add: (sighting) => {
      const { agentId } = sighting;
      const mine = byAgent.get(agentId) ?? new Map<string, Sighting>();
      const key = textOf(sighting);
      const known = mine.get(key);
      if (known === undefined && size >= most) return false;
      if (known === undefined) size += 1;
      mine.set(key, known === undefined ? sighting : merge(known, sighting));
      byAgent.set(agentId, mine);
      return true;
    },
    take: (agents) => {
      const taken: Sighting[] = [];
      let left = agents;
      for (const [agentId, mine] of byAgent) {
        if (left === 0) break;
        left -= 1;
        byAgent.delete(agentId);
        size -= mine.size;
        taken.push(...mine.values());
      }
      return taken;
    },
  };
}

function textOf({ place, span }: Sighting): string {
  const { kind, component, profile, code } = place;
  return JSON.stringify([kind, component, code, dayOf(span.firstMs), profileText(profile)]);
}

function merge(one: Sighting, other: Sighting): Sighting {
  return { ...one, span: mergeSpans(one.span, other.span) };
}
