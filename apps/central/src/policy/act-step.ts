import { isTautlineError } from "@tautline/protocol";
import { noteArrivals, noteWatched, letBack, readSights } from "./agent-sights.ts";
import type { ChangeAgent } from "./change.ts";
import type { ChangeDeps } from "./change-deps.ts";
import { missingLimitMs, type StepFacts } from "./change-rule.ts";
import { type ChangeRun, climbing, noteAgents } from "./change-run.ts";
import { pruneAgents, saveAgents, saveChange } from "./change-store.ts";
import { bothOf, closedTo, openedFor, restoredTo } from "./heard-rule.ts";
import { tellWave } from "./tell-wave.ts";
import { countAgents } from "./watch-rule.ts";

/** Why one is let back. */
const MISSING = "missing";

const NOTHING_SEEN: StepFacts = { isHeard: false, moving: 0, watched: 0, lost: 0, missing: 0 };

/**
 * Does what the step asks for that a change is in, and looks what has come of it. May be done any number of times.
 *
 * @param deps what changes work on
 * @param run which change
 * @param elapsedMs running time since the last time
 * @throws store.*; what fails on the listeners is logged and tried again
 */
export async function actStep(
  deps: ChangeDeps,
  run: ChangeRun,
  elapsedMs: number,
): Promise<StepFacts> {
  switch (run.change.step) {
    case "opening":
      return { ...NOTHING_SEEN, isHeard: await open(deps, run) };
    case "moving":
      return { ...NOTHING_SEEN, moving: await move(deps, run) };
    case "closing":
      noteArrivals(run, await readSights(deps, run));
      return NOTHING_SEEN;
    case "watching":
      return watch(deps, run, elapsedMs);
    case "undoing":
      await reopen(deps, run);
      return NOTHING_SEEN;
    default:
      return NOTHING_SEEN;
  }
}

function open(deps: ChangeDeps, run: ChangeRun): Promise<boolean> {
  const { listeners } = deps;
  const { policy, actor } = run.change;
  return tryIt(deps, run, () => listeners.go(openedFor(listeners.heard(), policy.accept), actor));
}

/** Tells them in waves, and counts who has neither arrived nor failed. */
async function move(deps: ChangeDeps, run: ChangeRun): Promise<number> {
  noteArrivals(run, await readSights(deps, run));
  return tellWave(deps, run);
}

async function watch(deps: ChangeDeps, run: ChangeRun, elapsedMs: number): Promise<StepFacts> {
  await close(deps, run);
  // Who was not up in time has an exception until it is.
  if (!run.isAllTold) await tellWave(deps, run);
  const limitMs = missingLimitMs(run.change.windowMs);
  const lost = noteWatched(run, await readSights(deps, run), { elapsedMs, limitMs });
  if (lost.length > 0) await noteLost(deps, run, lost);
  await openForExcepted(deps, run);
  return { ...NOTHING_SEEN, ...countAgents(run.agents.values()) };
}

/** Listens no longer to what nobody needs; what the policy refuses is refused whether that works or not. */
async function close(deps: ChangeDeps, run: ChangeRun): Promise<void> {
  if (run.change.heardAfter !== null) return;
  const { listeners, policies } = deps;
  const isDone = await tryIt(deps, run, () => {
    const then = closedTo(listeners.heard(), policies.needed(), policies.loopback());
    return listeners.go(then, run.change.actor);
  });
  if (isDone) run.change = { ...run.change, heardAfter: listeners.heard() };
}

/** An exception is worth nothing where its level is not listened to. */
async function openForExcepted(deps: ChangeDeps, run: ChangeRun): Promise<void> {
  const { listeners, policies } = deps;
  const changeId = String(run.change.id);
  const own = policies.exceptions().filter((each) => each.changeId === changeId);
  // Once for each: what an operator closes afterwards stays closed.
  if (own.length <= run.openedFor) return;
  const levels = own.map(({ level }) => level);
  const isDone = await tryIt(deps, run, () =>
    listeners.go(openedFor(listeners.heard(), levels), "central"),
  );
  if (isDone) run.openedFor = own.length;
}

/** Each is a finding; who is entitled is let back. */
async function noteLost(
  deps: ChangeDeps,
  run: ChangeRun,
  lost: readonly ChangeAgent[],
): Promise<void> {
  const { store, audit, policies, log, now } = deps;
  const after = await store.write(async (trx) => {
    const let_ = await letBack(deps, trx, {
      run,
      agents: lost,
      codeOf: () => MISSING,
      atMs: now(),
    });
    await saveAgents(trx, run.change.id, let_);
    for (const { id, isEnded, isExcepted } of let_) {
      if (isEnded) continue;
      await audit.append(trx, {
        action: "policy.agent-missing",
        actor: "central",
        subject: `agent:${id}`,
        detail: { change: run.change.id, excepted: isExcepted ? "yes" : "no" },
      });
    }
    return let_;
  });
  noteAgents(run, after);
  for (const { id, isEnded, isExcepted } of after) {
    if (isEnded) continue;
    const facts = { code: "policy.agent_missing", agent: id, change: run.change.id, isExcepted };
    log.error(facts, "an agent has not come back since the policy was tightened");
  }
  await policies.follow();
}

/** Before the policies are as they were, so that whoever they let back finds an open door. */
async function reopen(deps: ChangeDeps, run: ChangeRun): Promise<void> {
  const { listeners } = deps;
  const { heardBefore, heardAfter, undoneBy } = run.change;
  if (heardBefore === null) return;
  await tryIt(deps, run, () => {
    const now = listeners.heard();
    const then = restoredTo(now, heardBefore, heardAfter ?? now);
    return listeners.go(bothOf(now, then), undoneBy);
  });
}

/**
 * Goes on with a change that is done while there is somebody to tell: whom the window left no time for is told after it, in the same waves, so that
 * nobody has to be moved by hand. It ends: each is told so often and no more, and who is silent has its order.
 *
 * @param deps what changes work on
 * @param run which change
 * @param isSuperseded a later change is there for the same agents, and tells them itself
 * @throws store.*
 */
export async function settleDone(
  deps: Pick<ChangeDeps, "orders" | "store">,
  run: ChangeRun,
  isSuperseded: boolean,
): Promise<void> {
  if (!isSuperseded) {
    await tellWave(deps, run);
    if (!run.isTellingOver) return;
  }
  await keepSettled(deps, run);
}

async function keepSettled({ store }: Pick<ChangeDeps, "store">, run: ChangeRun): Promise<void> {
  const settled = { ...run.change, isSettled: true };
  await store.write(async (trx) => {
    await saveChange(trx, settled);
    await pruneAgents(trx, settled.id);
  });
  run.change = settled;
}

/**
 * Ends what is left of a change that is undone: the listeners are as before, and nobody is told to climb any more.
 *
 * @param deps what changes work on
 * @param run which change
 * @throws store.*; what fails on the listeners is logged and tried again
 */
export async function settle(deps: ChangeDeps, run: ChangeRun): Promise<void> {
  const { listeners, orders } = deps;
  const { heardBefore, heardAfter, undoneBy } = run.change;
  if (heardBefore !== null) {
    const isDone = await tryIt(deps, run, () => {
      const now = listeners.heard();
      return listeners.go(restoredTo(now, heardBefore, heardAfter ?? now), undoneBy);
    });
    if (!isDone) return;
  }
  await orders.withdraw(climbing(run).map(({ id }) => id));
  await keepSettled(deps, run);
}

/** What fails is logged once, and tried again at the next turn. */
async function tryIt(
  { log }: ChangeDeps,
  run: ChangeRun,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    run.trouble = "";
    return true;
  } catch (error) {
    const trouble = isTautlineError(error) ? error.code : String(error);
    if (trouble !== run.trouble) {
      log.error({ err: error, change: run.change.id }, "listeners could not be changed");
    }
    run.trouble = trouble;
    return false;
  }
}
