import type { Level } from "@tautline/protocol";
import type { ChangeDeps } from "./change-deps.ts";
import { type ChangeRun, climbing, turnMs } from "./change-run.ts";
import { nextWave } from "./wave-rule.ts";

/**
 * Tells those agents of a change to climb whose turn it is.
 *
 * @param deps the orders
 * @param run which change; what was told is noted in it
 * @returns how many watched agents have neither arrived nor failed for good
 * @throws store.*
 */
export async function tellWave(
  { orders }: Pick<ChangeDeps, "orders">,
  run: ChangeRun,
): Promise<number> {
  const { spentMs, windowMs, actor } = run.change;
  const left = climbing(run);
  const statuses = await orders.statusOf(left.map(({ id }) => id));
  const facts = { climbing: left, statuses, told: run.told, spentMs, windowMs };
  const wave = nextWave({ ...facts, turnMs: turnMs(run) });
  for (const [level, ids] of byLevel(run, wave.tell)) await orders.order(ids, level, actor);
  for (const id of [...wave.found, ...wave.tell]) {
    run.told.set(id, { tries: (run.told.get(id)?.tries ?? 0) + 1, atMs: spentMs });
  }
  run.isAllTold = wave.isLast;
  run.isTellingOver = wave.isOver;
  return wave.moving;
}

function byLevel(
  { agents }: ChangeRun,
  ids: readonly string[],
): ReadonlyMap<Level, readonly string[]> {
  const found = new Map<Level, string[]>();
  for (const id of ids) {
    const level = agents.get(id)?.moveTo ?? null;
    if (level === null) continue;
    const others = found.get(level);
    if (others === undefined) found.set(level, [id]);
    else others.push(id);
  }
  return found;
}
