import type { AgentRow } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { CLAIM_STATES } from "./claim-rule.ts";

/** What an agent's message changed about it; absent means unchanged. */
export interface StatusChange {
  readonly version?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly health?: Readonly<Record<string, unknown>>;
  readonly config?: {
    readonly hash: string | null;
    readonly status: AgentRow["config_status"];
    readonly error: string;
  };
}

/**
 * Writes what a status message changed. What is on the disk already is not written again: a commit that changes nothing costs
 * no fsync, so a fleet that comes back and tells its whole status anew costs reads alone.
 *
 * This is the statement of every message of every agent. So its text is made once for each set of parts and not by the query
 * builder, whose work for it takes longer than the database's.
 *
 * @param store central's database
 * @param id the agent
 * @param change absent parts are unchanged
 * @param of `claim`: not if the agent has got an identity meanwhile
 * @returns resolves when it is on the disk
 */
export async function saveStatus(
  store: Store,
  id: string,
  change: StatusChange,
  of: "agent" | "claim" = "agent",
): Promise<void> {
  const values = columnsOf(change);
  const columns = Object.keys(values);
  if (columns.length === 0) return;
  const given = Object.values(values);
  await store.run(statementFor(columns, of), [...given, id, ...given]);
}

/** The columns of a change; a fixed order, so that there are few sets of them. */
function columnsOf({
  version,
  attributes,
  health,
  config,
}: StatusChange): Readonly<Record<string, string | null>> {
  return {
    ...(version === undefined ? {} : { version }),
    ...(attributes === undefined ? {} : { attributes: JSON.stringify(attributes) }),
    ...(health === undefined ? {} : { health: JSON.stringify(health) }),
    ...(config === undefined
      ? {}
      : { config_hash: config.hash, config_status: config.status, config_error: config.error }),
  };
}

/** SQL: nobody proved to be this agent. */
export const IS_CLAIM = `"state" in (${CLAIM_STATES.map((state) => `'${state}'`).join(", ")})`;

const statements = new Map<string, string>();

/** The names are our own, the values always bound. `is distinct from` (SQL:1999) also compares with null. */
function statementFor(columns: readonly string[], of: "agent" | "claim"): string {
  const key = `${of} ${columns.join()}`;
  const known = statements.get(key);
  if (known !== undefined) return known;
  const assigned = columns.map((column) => `"${column}" = ?`).join(", ");
  const differs = columns.map((column) => `"${column}" is distinct from ?`).join(" or ");
  const only = of === "claim" ? ` and ${IS_CLAIM}` : "";
  const text = `update "agents" set ${assigned} where "id" = ? and (${differs})${only}`;
  statements.set(key, text);
  return text;
}
