import { TautlineError } from "@tautline/protocol";
import { countAgents } from "./watch-rule.ts";
import { actStep, settle, settleDone } from "./act-step.ts";
import { type ApplyOrder, beginChange } from "./begin-change.ts";
import { type ChangeAgent, isOver, type PolicyChange } from "./change.ts";
import type { ChangeDeps } from "./change-deps.ts";
import { nextStep } from "./change-rule.ts";
import { type ChangeRun, countsIn, createRun, takeTurn, turnMs } from "./change-run.ts";
import {
  type CountedChange,
  findUndoable,
  listChanges,
  type KeptChange,
  readAgents,
  readChange,
  readRemarkable,
  readUnsettled,
  saveChange,
  spokenScope,
} from "./change-store.ts";
import { enterStep, saveProgress } from "./enter-step.ts";
import { endMetExceptions } from "./met-exceptions.ts";

/** Changes of policy: begun, carried on whatever happens to central, undone, and told of. */
export interface PolicyChanges {
  /** Begins a change; it goes on by itself from here. @throws policy.would_cut_off, policy.change_running, api.not_found, store.* */
  apply(order: ApplyOrder): Promise<CountedChange>;
  /** Takes back the newest change there is in a namespace. @throws policy.nothing_to_undo, store.* */
  undo(order: UndoOrder): Promise<CountedChange>;
  /** The newest first. */
  list(limit: number): Promise<readonly CountedChange[]>;
  /** One with the agents of which there is something to tell. @throws api.not_found */
  get(id: number): Promise<CountedChange & { readonly agents: readonly ChangeAgent[] }>;
  /** Carries every change on by a turn, those of an earlier run of central too. Called by the clock; cheap where there is none. @throws store.* */
  step(): Promise<void>;
}

/** Which change is to be undone. */
export interface UndoOrder {
  /** Undefined: the newest of all. */
  readonly namespace: string | undefined;
  readonly actor: string;
}

/** Agents that are shown of a change at most; its counts are of all. */
const AGENTS_SHOWN = 1_000;
/** Why an operator's undo is one. */
const ASKED = "asked";
/** Spent time that a kill may lose: so much longer agents are watched then. */
const SAVE_EVERY_MS = 1_000;
/** How often exceptions are looked at that nobody may need any more. */
const EXCEPTIONS_EVERY_MS = 2_000;

/**
 * Makes the engine of changes.
 *
 * @param deps what changes work on
 */
export function createPolicyChanges(deps: ChangeDeps): PolicyChanges {
  const engine = new Engine(deps);
  let last: Promise<unknown> = Promise.resolve();
  /** One thing at a time: a turn works with what it has read. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  return {
    apply: (order) => alone(() => engine.apply(order)),
    undo: (order) => alone(() => engine.undo(order)),
    list: async (limit) => {
      const kept = await listChanges(deps.store, limit);
      return Promise.all(kept.map((each) => engine.counted(each)));
    },
    get: async (id) => {
      const kept = await readChange(deps.store, id);
      const agents = await readRemarkable(deps.store, id, AGENTS_SHOWN);
      return { ...(await engine.counted(kept)), agents };
    },
    step: () => alone(() => engine.step()),
  };
}

class Engine {
  readonly #deps: ChangeDeps;
  /** By number; undefined until those of an earlier run were read. */
  #runs: Map<number, ChangeRun> | undefined;
  #exceptionsMs = 0;

  constructor(deps: ChangeDeps) {
    this.#deps = deps;
  }

  async apply(order: ApplyOrder): Promise<CountedChange> {
    const runs = await this.#read();
    const { change, agents } = await beginChange(this.#deps, order);
    const run = createRun(change, agents);
    runs.set(change.id, run);
    return { change, counts: countsIn(run) };
  }

  async undo({ namespace, actor }: UndoOrder): Promise<CountedChange> {
    const { store, audit, now } = this.#deps;
    const runs = await this.#read();
    const found = await store.read((db) => findUndoable(db, namespace));
    requireUndoable(found?.change, namespace);
    if (found === undefined) throw new TautlineError("internal.unexpected");
    const { id } = found.change;
    const run = runs.get(id) ?? createRun(found.change, await readAgents(store, id), found.counts);
    const undoing: PolicyChange = {
      ...run.change,
      step: "undoing",
      reason: ASKED,
      undoneBy: actor,
      spentMs: 0,
      stepMs: now(),
      endedMs: null,
      isSettled: false,
    };
    await store.write(async (trx) => {
      await saveChange(trx, undoing);
      const detail = { step: "undoing", reason: ASKED };
      const subject = `change:${id}`;
      await audit.append(trx, { action: "policy.change-step", actor, subject, detail });
    });
    run.change = undoing;
    run.savedMs = 0;
    run.lastMs = undefined;
    runs.set(id, run);
    return { change: undoing, counts: countsIn(run) };
  }

  async step(): Promise<void> {
    const runs = await this.#read();
    for (const run of runs.values()) {
      const elapsedMs = takeTurn(run, this.#deps.now());
      if (elapsedMs === undefined) continue;
      await this.#turn(run, elapsedMs);
      if (run.change.isSettled) runs.delete(run.change.id);
    }
    await this.#endExceptions(runs);
  }

  /** While a change is under way its agents are in memory; nobody reads them all for a count. */
  async counted({ change, counts }: KeptChange): Promise<CountedChange> {
    const run = this.#runs?.get(change.id);
    if (run !== undefined) return { change: run.change, counts: countsIn(run) };
    const known = counts ?? countAgents(await readAgents(this.#deps.store, change.id));
    return { change, counts: known };
  }

  /** As many steps as are to be done now. */
  async #turn(run: ChangeRun, elapsedMs: number): Promise<void> {
    run.change = { ...run.change, spentMs: run.change.spentMs + elapsedMs };
    let sinceMs = elapsedMs;
    while (!isOver(run.change.step)) {
      const facts = await actStep(this.#deps, run, sinceMs);
      sinceMs = 0;
      const decision = nextStep(run.change, facts);
      if (decision.step === run.change.step) break;
      await enterStep(this.#deps, run, decision);
    }
    if (!isOver(run.change.step)) {
      await saveProgress(this.#deps, run, Math.max(SAVE_EVERY_MS, turnMs(run)));
    } else if (!run.change.isSettled) await this.#settle(run);
  }

  #settle(run: ChangeRun): Promise<void> {
    if (run.change.step === "undone") return settle(this.#deps, run);
    const later = [...(this.#runs?.values() ?? [])].some(({ change }) =>
      comesAfter(change, run.change),
    );
    return settleDone(this.#deps, run, later);
  }

  /** Not while a change is on its way: it opens and closes itself. */
  async #endExceptions(runs: ReadonlyMap<number, ChangeRun>): Promise<void> {
    const nowMs = this.#deps.now();
    if (Math.abs(nowMs - this.#exceptionsMs) < EXCEPTIONS_EVERY_MS) return;
    if ([...runs.values()].some(isOnItsWay)) return;
    this.#exceptionsMs = nowMs;
    await endMetExceptions(this.#deps);
  }

  async #read(): Promise<Map<number, ChangeRun>> {
    if (this.#runs !== undefined) return this.#runs;
    const { store } = this.#deps;
    const runs = new Map<number, ChangeRun>();
    for (const { change, counts } of await readUnsettled(store)) {
      runs.set(change.id, createRun(change, await readAgents(store, change.id), counts));
    }
    this.#runs = runs;
    return runs;
  }
}

/** It opens and closes what is listened to, itself. */
function isOnItsWay({ change: { step } }: ChangeRun): boolean {
  return step !== "watching" && step !== "done";
}

/** A later change for some of the same agents. */
function comesAfter(one: PolicyChange, other: PolicyChange): boolean {
  const isOfAll = one.namespace === undefined || other.namespace === undefined;
  return one.id > other.id && (isOfAll || one.namespace === other.namespace);
}

function requireUndoable(found: PolicyChange | undefined, namespace: string | undefined): void {
  const where = spokenScope(namespace);
  if (found === undefined) {
    const reason = "there was none, or the last one is undone already";
    throw new TautlineError("policy.nothing_to_undo", { detail: { where, reason } });
  }
  if (namespace === undefined || found.namespace === namespace) return;
  const reason = `the last one there, ${found.id}, was for ${spokenScope(found.namespace)}`;
  throw new TautlineError("policy.nothing_to_undo", { detail: { where, reason } });
}
