import type { AgentState } from "../store/schema.ts";

/** What is known of the last use that an agent made of a key, and of the agent. */
export interface KnownUse {
  readonly key: string;
  readonly version: number;
  readonly agentId: string;
  readonly usedAtMs: number;
  /** As it stands in the fleet; undefined for one that is not recorded. */
  readonly agent:
    | {
        readonly state: AgentState;
        /** Of its last message. */
        readonly level: string | null;
        readonly lastSeenAtMs: number | null;
      }
    | undefined;
  /** Its record was deleted. */
  readonly isDeleted: boolean;
}

const OVER: ReadonlySet<AgentState> = new Set(["revoked", "declined"]);
const KEYED_LEVELS: ReadonlySet<string | null> = new Set(["basic", "advanced"]);

/**
 * Picks the uses by agents that would be cut off with the version they used: not those whose right has ended, not those that have
 * since come by another key, or at a level that needs none.
 *
 * @param uses of all keys: an agent's last one counts
 */
export function dependingUses<Use extends KnownUse>(uses: readonly Use[]): Use[] {
  const latest = new Map<string, number>();
  for (const { agentId, usedAtMs } of uses) {
    latest.set(agentId, Math.max(usedAtMs, latest.get(agentId) ?? 0));
  }
  return uses.filter((use) => use.usedAtMs === latest.get(use.agentId) && !hasLeft(use));
}

function hasLeft({ agent, isDeleted, usedAtMs }: KnownUse): boolean {
  if (isDeleted) return true;
  if (agent === undefined) return false;
  if (OVER.has(agent.state)) return true;
  const isElsewhere = agent.level !== null && !KEYED_LEVELS.has(agent.level);
  return isElsewhere && (agent.lastSeenAtMs ?? 0) > usedAtMs;
}
