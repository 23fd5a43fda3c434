import { setImmediate as nextTurn } from "node:timers/promises";
import { TautlineError } from "@tautline/protocol";
import { refusalOf as refusalByState } from "../fleet/life-rule.ts";
import type { AgentState } from "../store/schema.ts";
import type { Store } from "../store/store.ts";

/** A token's holder that was let in, and the agent that it asked to become. */
export interface TokenStanding {
  readonly tokenId: string;
  readonly agentId: string | undefined;
}

/** Looked up in one go; other work comes between two of them. */
const AT_ONCE = 200;

/**
 * Judges again those who were let in by a join token: the token may have been revoked since, or the agent that joined with it.
 *
 * @param store central's database
 * @param standings whom
 * @returns a refusal for each that would not be let in now
 */
export async function judgeTokenStandings<One extends TokenStanding>(
  store: Store,
  standings: readonly One[],
): Promise<ReadonlyMap<One, TautlineError>> {
  const refused = new Map<One, TautlineError>();
  for (let at = 0; at < standings.length; at += AT_ONCE) {
    if (at > 0) await nextTurn();
    const some = standings.slice(at, at + AT_ONCE);
    const records = await readRecords(store, some);
    for (const standing of some) {
      const refusal = refusalOf(standing, records);
      if (refusal !== undefined) refused.set(standing, refusal);
    }
  }
  return refused;
}

interface Records {
  readonly tokens: ReadonlyMap<string, { readonly revoked_at: number | null }>;
  readonly agents: ReadonlyMap<string, { readonly state: AgentState }>;
}

function refusalOf(
  { tokenId, agentId }: TokenStanding,
  { tokens, agents }: Records,
): TautlineError | undefined {
  const token = tokens.get(tokenId);
  if (token === undefined) return new TautlineError("enrolment.token_unknown");
  if (token.revoked_at !== null) return new TautlineError("enrolment.token_revoked");
  const state = agentId === undefined ? undefined : agents.get(agentId)?.state;
  // Whoever waits for approval waits on this very link.
  if (agentId === undefined || state === undefined || state === "pending") return undefined;
  return refusalByState(state, agentId);
}

function readRecords(store: Store, standings: readonly TokenStanding[]): Promise<Records> {
  const tokenIds = [...new Set(standings.map(({ tokenId }) => tokenId))];
  const agentIds = [...new Set(standings.map(({ agentId }) => agentId ?? ""))];
  return store.read(async (db) => {
    const tokens = await db
      .selectFrom("tokens")
      .select(["id", "revoked_at"])
      .where("id", "in", tokenIds)
      .execute();
    const agents = await db
      .selectFrom("agents")
      .select(["id", "state"])
      .where("id", "in", agentIds)
      .execute();
    return {
      tokens: new Map(tokens.map((row) => [row.id, row])),
      agents: new Map(agents.map((row) => [row.id, row])),
    };
  });
}
