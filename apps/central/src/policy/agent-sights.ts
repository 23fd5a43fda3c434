import { lackOf } from "@tautline/protocol";
import type { ChangeAgent } from "./change.ts";
import type { ChangeDeps } from "./change-deps.ts";
import { type ChangeRun, noteAgents } from "./change-run.ts";
import type { AgentState } from "../store/schema.ts";
import type { Writer } from "../store/store.ts";
import { exceptionsFor, mayComeBack, type Sight, watchAgent } from "./watch-rule.ts";

/** Ids in a condition of a statement. */
const IDS_AT_ONCE = 500;

/**
 * Looks how the agents of a change are linked now.
 *
 * @param deps what changes work on
 * @param run which change
 * @returns those that are linked; whoever is not there is not
 * @throws store.*
 */
export async function readSights(
  { linked }: Pick<ChangeDeps, "linked">,
  { change, agents }: ChangeRun,
): Promise<ReadonlyMap<string, Sight>> {
  const sights = new Map<string, Sight>();
  for await (const page of linked()) {
    for (const link of page) {
      if (!agents.has(link.agentId) || sights.get(link.agentId) === "meets") continue;
      const lack = lackOf(change.policy, link);
      sights.set(link.agentId, lack === undefined ? "meets" : "linked");
    }
  }
  return sights;
}

/**
 * Notes who has met the new policy, before anything is closed: nobody is missing yet.
 *
 * @param run which change
 * @param sights how agents are linked
 */
export function noteArrivals(run: ChangeRun, sights: ReadonlyMap<string, Sight>): void {
  const arrived: ChangeAgent[] = [];
  for (const [id, sight] of sights) {
    const agent = run.agents.get(id);
    if (sight !== "meets" || agent === undefined || agent.hasMet) continue;
    arrived.push({ ...agent, hasMet: true });
  }
  noteAgents(run, arrived);
}

/**
 * Goes on with every watched agent.
 *
 * @param run which change
 * @param sights how agents are linked
 * @param time since they were looked at, and how long one may be missing; milliseconds
 * @returns those that are called lost from now on
 */
export function noteWatched(
  run: ChangeRun,
  sights: ReadonlyMap<string, Sight>,
  time: { readonly elapsedMs: number; readonly limitMs: number },
): readonly ChangeAgent[] {
  const lost: ChangeAgent[] = [];
  const seen: ChangeAgent[] = [];
  for (const agent of run.agents.values()) {
    const sight = sights.get(agent.id) ?? "none";
    if (!agent.isWatched || agent.isEnded) {
      if (sight === "meets" && !agent.hasMet) seen.push({ ...agent, hasMet: true });
      continue;
    }
    const next = watchAgent(agent, sight, time.elapsedMs, time.limitMs);
    if (next.isLost && !agent.isLost) lost.push(next);
    else seen.push(next);
  }
  noteAgents(run, seen);
  return lost;
}

/** Why agents are excepted. */
export interface LetBack {
  readonly run: ChangeRun;
  readonly agents: readonly ChangeAgent[];
  /** Of each agent. */
  readonly codeOf: (agent: ChangeAgent) => string;
  readonly atMs: number;
}

/**
 * Lets agents use what they used before, in a transaction; none whose right has ended.
 *
 * @param deps what changes work on
 * @param trx the transaction
 * @param order whom and why
 * @returns all of them as they are then, to be noted when the transaction is on the disk
 */
export async function letBack(
  { policies }: Pick<ChangeDeps, "policies">,
  trx: Writer,
  { run, agents, codeOf, atMs }: LetBack,
): Promise<readonly ChangeAgent[]> {
  const states = await readStates(
    trx,
    agents.map(({ id }) => id),
  );
  const changeId = String(run.change.id);
  const after: ChangeAgent[] = [];
  for (const agent of agents) {
    if (!mayComeBack(states.get(agent.id))) {
      after.push({ ...agent, isEnded: true, isLost: false });
      continue;
    }
    const reason = codeOf(agent);
    const exceptions = exceptionsFor(run.change, agent);
    for (const { kind, level } of exceptions) {
      // One of an earlier change does as well, and outlives this one's undo.
      if (policies.exceptionAt(agent.id, kind)?.level === level) continue;
      const exception = { agentId: agent.id, kind, level, reason, changeId, sinceMs: atMs };
      await policies.except(trx, exception);
    }
    const isExcepted = agent.isExcepted || exceptions.length > 0;
    after.push({ ...agent, isExcepted, code: reason });
  }
  return after;
}

async function readStates(
  trx: Writer,
  ids: readonly string[],
): Promise<ReadonlyMap<string, AgentState>> {
  const states = new Map<string, AgentState>();
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const rows = await trx
      .selectFrom("agents")
      .select(["id", "state"])
      .where("id", "in", ids.slice(at, at + IDS_AT_ONCE))
      .execute();
    for (const { id, state } of rows) states.set(id, state);
  }
  return states;
}
