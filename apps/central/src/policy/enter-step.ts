import { isSamePolicy, type LinkPolicy } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";
import { letBack } from "./agent-sights.ts";
import { type ChangeAgent, type ChangePlace, isOver, type PolicyChange } from "./change.ts";
import type { ChangeDeps } from "./change-deps.ts";
import type { StepDecision } from "./change-rule.ts";
import { type ChangeRun, climbing, countsIn, noteAgents, restartClock } from "./change-run.ts";
import { pruneAgents, saveAgents, saveChange } from "./change-store.ts";
import { describePolicy } from "./policy-rows.ts";

/** Why an agent that was told to climb is let stay where it is. */
const NOT_MOVED = "not_moved";

/**
 * Takes a change to its next step: on the disk first, with all that belongs to it.
 *
 * @param deps what changes work on
 * @param run which change
 * @param decision where it goes
 * @throws store.*, and it is where it was
 */
export async function enterStep(
  deps: ChangeDeps,
  run: ChangeRun,
  { step, reason }: StepDecision,
): Promise<void> {
  const { store, policies, now } = deps;
  const atMs = now();
  if (step === "undone" || step === "watching") await policies.follow();
  const stragglers = step === "watching" ? await stragglersOf(deps, run) : undefined;
  const next: PolicyChange = {
    ...run.change,
    step,
    reason: reason ?? run.change.reason,
    undoneBy: reason === undefined ? run.change.undoneBy : "central",
    spentMs: 0,
    stepMs: atMs,
    endedMs: isOver(step) ? atMs : null,
    // Who was not up in time is told after the window too (`settle`).
    isSettled: step === "done" && climbing(run).length === 0,
  };
  const after = await store.write(async (trx) => {
    const change = step === "watching" ? await withNewPlaces(deps, trx, next) : next;
    if (step === "watching") await setPolicies(deps, trx, change, atMs);
    if (step === "undone") await setPoliciesBack(deps, trx, next, atMs);
    const codeOf = ({ id }: ChangeAgent): string => stragglers?.get(id) ?? NOT_MOVED;
    const agents = [...(stragglers?.keys() ?? [])].flatMap((id) => run.agents.get(id) ?? []);
    const let_ = await letBack(deps, trx, { run, agents, codeOf, atMs });
    await saveRun(trx, { ...run, change }, let_);
    await appendStep(deps, trx, change);
    return { change, let_ };
  });
  noteAgents(run, after.let_);
  run.changed.clear();
  restartClock(run);
  run.change = after.change;
  run.savedMs = 0;
  tellStep(deps, next);
  if (step === "watching" || step === "undone") await policies.follow();
}

/** Who was told to climb, is linked, and did not: each with the reason it gave. */
async function stragglersOf(
  { orders }: ChangeDeps,
  run: ChangeRun,
): Promise<ReadonlyMap<string, string>> {
  const waiting = climbing(run).filter(({ isWatched }) => isWatched);
  const statuses = await orders.statusOf(waiting.map(({ id }) => id));
  const left = waiting.filter(({ id }) => statuses.get(id)?.status !== "applied");
  return new Map(left.map(({ id }) => [id, statuses.get(id)?.error || NOT_MOVED]));
}

/** A change of every namespace is one of those too that were made since it began. */
async function withNewPlaces(
  { policies }: ChangeDeps,
  trx: Writer,
  change: PolicyChange,
): Promise<PolicyChange> {
  if (change.namespace !== undefined) return change;
  const known = new Set(change.places.map(({ namespace }) => namespace));
  const rows = await trx.selectFrom("namespaces").select("name").orderBy("name").execute();
  const added = rows
    .filter(({ name }) => !known.has(name))
    .flatMap(({ name: namespace }) =>
      change.kinds.map((kind) => ({ namespace, kind, before: policies.policyAt(namespace, kind) })),
    );
  return { ...change, places: [...change.places, ...added] };
}

async function setPolicies(
  { policies }: ChangeDeps,
  trx: Writer,
  { places, policy, actor }: PolicyChange,
  atMs: number,
): Promise<void> {
  for (const { namespace, kind } of places) {
    await policies.set(trx, { namespace, kind, policy, actor, atMs });
  }
}

/** What somebody else set meanwhile stays; exceptions of this change end with it. */
async function setPoliciesBack(
  { policies }: ChangeDeps,
  trx: Writer,
  change: PolicyChange,
  atMs: number,
): Promise<void> {
  for (const { agentId, kind, changeId } of policies.exceptions()) {
    if (changeId === String(change.id)) await policies.endException(trx, { agentId, kind });
  }
  for (const place of changedPlaces(change, (each) =>
    policies.policyAt(each.namespace, each.kind),
  )) {
    const { namespace, kind, before } = place;
    await policies.set(trx, { namespace, kind, policy: before, actor: change.undoneBy, atMs });
  }
}

/**
 * The places where an undo sets back what stood there before: those that still have what the change set. Pure.
 *
 * @param change which
 * @param policyAt what stands in a place now
 */
export function changedPlaces(
  { places, policy }: Pick<PolicyChange, "places" | "policy">,
  policyAt: (place: ChangePlace) => LinkPolicy | undefined,
): readonly ChangePlace[] {
  return places.filter((place) => {
    const now = policyAt(place);
    if (now === undefined || !isSamePolicy(now, policy)) return false;
    return place.before === undefined || !isSamePolicy(place.before, now);
  });
}

async function saveRun(trx: Writer, run: ChangeRun, agents: readonly ChangeAgent[]): Promise<void> {
  const { change } = run;
  const known = [...run.changed].flatMap((id) => run.agents.get(id) ?? []);
  await saveAgents(trx, change.id, [...known, ...agents]);
  const all = new Map([...run.agents, ...agents.map((agent) => [agent.id, agent] as const)]);
  const counts = countsIn({ ...run, agents: all });
  await saveChange(trx, change, isOver(change.step) ? counts : undefined);
  if (change.isSettled) await pruneAgents(trx, change.id);
}

async function appendStep(
  { audit }: ChangeDeps,
  trx: Writer,
  { id, step, reason, policy }: PolicyChange,
): Promise<void> {
  const detail = { step, ...(step === "undoing" && { reason }), ...describePolicy(policy) };
  const subject = `change:${id}`;
  await audit.append(trx, { action: "policy.change-step", actor: "central", subject, detail });
}

function tellStep({ log }: ChangeDeps, { id, step, reason }: PolicyChange): void {
  if (step !== "undoing") {
    log.info({ change: id, step }, "a change of policy has gone on");
    return;
  }
  log.error({ code: "policy.undone", change: id, reason }, "a change of policy is undone");
}

/**
 * Keeps what is new of a change and its agents, where that is due.
 *
 * @param deps what changes work on
 * @param run which change
 * @param everyMs how much spent time may be lost
 * @throws store.*
 */
export async function saveProgress(
  { store }: ChangeDeps,
  run: ChangeRun,
  everyMs: number,
): Promise<void> {
  const isDue = run.changed.size > 0 || run.change.spentMs - run.savedMs >= everyMs;
  if (!isDue) return;
  await store.write((trx) => saveRun(trx, run, []));
  run.changed.clear();
  run.savedMs = run.change.spentMs;
}
