import { LEVELS, lackOf, type Level, OPEN_POLICY } from "@tautline/protocol";
import type { ChangeDeps, ChangeException, LinkedAgent } from "./change-deps.ts";
import { closedTo } from "./heard-rule.ts";

/**
 * Ends the exceptions of changes that nobody needs any more: of agents that have carried out the order to climb and are linked as the policy asks. They
 * do not fall back, so the ratchet goes on by this notch, and nothing is listened to for their sake any longer.
 *
 * @param deps what changes work on
 * @throws store.*
 */
export async function endMetExceptions(deps: ChangeDeps): Promise<void> {
  const { policies, store, listeners } = deps;
  const made = policies.exceptions().filter(({ changeId }) => changeId !== null);
  if (made.length === 0) return;
  const met = await metOf(deps, made);
  if (met.length === 0) return;
  await store.write(async (trx) => {
    for (const { agentId, kind } of met) await policies.endException(trx, { agentId, kind });
  });
  await policies.follow();
  const needed = new Set<Level>(policies.needed());
  const closable = new Set(met.map(({ level }) => level));
  // Only what these were for: what else is listened to is somebody else's decision.
  const kept = LEVELS.filter((level) => needed.has(level) || !closable.has(level));
  await listeners.go(closedTo(listeners.heard(), kept, policies.loopback()), "central");
}

async function metOf(
  deps: ChangeDeps,
  made: readonly ChangeException[],
): Promise<readonly ChangeException[]> {
  const ids = [...new Set(made.map(({ agentId }) => agentId))];
  const statuses = await deps.orders.statusOf(ids);
  const applied = made.filter(({ agentId }) => statuses.get(agentId)?.status === "applied");
  if (applied.length === 0) return [];
  const links = new Map<string, LinkedAgent>();
  for await (const page of deps.linked()) {
    for (const link of page) links.set(link.agentId, link);
  }
  return applied.filter(({ agentId, kind }) => {
    const link = links.get(agentId);
    if (link === undefined) return false;
    const policy = deps.policies.policyAt(link.namespace, kind) ?? OPEN_POLICY;
    return lackOf(policy, link) === undefined;
  });
}
