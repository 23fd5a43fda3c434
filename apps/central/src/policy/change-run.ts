import type { ChangeAgent, PolicyChange } from "./change.ts";
import { type ChangeCounts, countAgents } from "./watch-rule.ts";
import type { Told } from "./wave-rule.ts";

/** A change that this process carries on. */
export interface ChangeRun {
  change: PolicyChange;
  readonly agents: Map<string, ChangeAgent>;
  /** What had become of its agents when it was done: most of them are forgotten since. */
  readonly counts: ChangeCounts | undefined;
  /** Agents of which something is not on the disk yet. */
  readonly changed: Set<string>;
  /** When it was looked at last; undefined before this process has done so. */
  lastMs: number | undefined;
  /** Spent time that is on the disk. */
  savedMs: number;
  /** Whom this process has told to climb. */
  readonly told: Map<string, Told>;
  /** Nobody is left who may be told, or told again. */
  isAllTold: boolean;
  /** The same, and there is no news to wait for. */
  isTellingOver: boolean;
  /** Exceptions of this change for which this process has opened their levels. */
  openedFor: number;
  /** What went wrong last, so that it is not logged at every turn. */
  trouble: string;
}

/**
 * Makes the run of a change.
 *
 * @param change as it is on the disk
 * @param agents the same
 * @param counts of one that was done already
 */
export function createRun(
  change: PolicyChange,
  agents: readonly ChangeAgent[],
  counts?: ChangeCounts,
): ChangeRun {
  return {
    change,
    counts,
    agents: new Map(agents.map((agent) => [agent.id, agent])),
    changed: new Set(),
    lastMs: undefined,
    savedMs: change.spentMs,
    told: new Map(),
    isAllTold: false,
    isTellingOver: false,
    openedFor: 0,
    trouble: "",
  };
}

const SHORTEST_TURN_MS = 200;
const LONGEST_TURN_MS = 1_000;
/** Looking at so many watched agents may be done once a millisecond's worth of turn. */
const AGENTS_A_MS = 20;
/** Time counts for no more than so many turns: a clock that jumps, or a central that slept, does not end a watch (F8). */
const MOST_TURNS = 4;

/**
 * How long a turn of a change takes: short windows are looked at often, large fleets seldom.
 *
 * @param run which
 * @returns milliseconds
 */
export function turnMs({ change, agents }: Pick<ChangeRun, "change" | "agents">): number {
  const wanted = Math.min(LONGEST_TURN_MS, change.windowMs / 60);
  return Math.max(SHORTEST_TURN_MS, wanted, agents.size / AGENTS_A_MS);
}

/**
 * How much time has passed for a change since it was looked at last; nothing of the time in which central did not run.
 *
 * @param run which; its clock goes on
 * @param nowMs milliseconds since the epoch
 * @returns milliseconds; undefined where its turn has not come
 */
export function takeTurn(run: ChangeRun, nowMs: number): number | undefined {
  const { lastMs } = run;
  const everyMs = turnMs(run);
  const elapsedMs = lastMs === undefined ? 0 : nowMs - lastMs;
  if (lastMs !== undefined && elapsedMs >= 0 && elapsedMs < everyMs) return undefined;
  run.lastMs = nowMs;
  return Math.max(0, Math.min(elapsedMs, MOST_TURNS * everyMs));
}

/**
 * Goes over to the clock of the next step, which begins at nothing: what was told keeps its distance.
 *
 * @param run which change; its step is still the one before
 */
export function restartClock(run: ChangeRun): void {
  const { spentMs } = run.change;
  for (const [id, told] of run.told) run.told.set(id, { ...told, atMs: told.atMs - spentMs });
}

/**
 * Takes over what is new of some agents.
 *
 * @param run which change
 * @param agents as they are now
 */
export function noteAgents(run: ChangeRun, agents: readonly ChangeAgent[]): void {
  for (const agent of agents) {
    const before = run.agents.get(agent.id);
    run.agents.set(agent.id, agent);
    if (before === undefined || isNews(before, agent)) run.changed.add(agent.id);
  }
}

/** How long it has been missing is kept in memory alone. */
function isNews(one: ChangeAgent, other: ChangeAgent): boolean {
  return (
    one.hasMet !== other.hasMet ||
    one.isLost !== other.isLost ||
    one.isExcepted !== other.isExcepted ||
    one.isEnded !== other.isEnded
  );
}

/**
 * Counts the agents of a change.
 *
 * @param run which
 */
export function countsIn({ counts, agents }: Pick<ChangeRun, "counts" | "agents">): ChangeCounts {
  return counts ?? countAgents(agents.values());
}

/**
 * The agents that were told to climb, or will be, and have not arrived.
 *
 * @param run of which change
 */
export function climbing({ agents }: ChangeRun): readonly ChangeAgent[] {
  return [...agents.values()].filter(({ moveTo, hasMet }) => moveTo !== null && !hasMet);
}
