import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { AgentRow } from "../store/schema.ts";
import type { Store, Writer } from "../store/store.ts";
import { endIdentity } from "./end-identity.ts";
import { refuseClaim, requiredAgent } from "./required-agent.ts";

/** Which agent takes whose place. */
export interface ReplaceOrder {
  /** Id of the agent whose place it is, and which is revoked. */
  readonly old: string;
  /** Id of the agent that takes it. */
  readonly fresh: string;
  readonly actor: string;
}

/** What replacing needs. */
export interface ReplaceDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly now: () => number;
}

/**
 * Gives the place of an agent to one that joined under its own id and keys, as when hardware is replaced (QMP-8): what belongs to
 * the agent goes over, the old one is revoked. Done already, it does nothing.
 *
 * @param deps store, trail and clock
 * @param order who takes whose place
 * @throws api.not_found, fleet.no_identity, fleet.cannot_replace
 */
export async function replaceAgent(
  { store, audit, now }: ReplaceDeps,
  { old: oldId, fresh: freshId, actor }: ReplaceOrder,
): Promise<void> {
  await store.write(async (trx) => {
    const old = await requiredAgent(trx, oldId);
    const fresh = await requiredAgent(trx, freshId);
    refuseClaim(old, "replaced");
    if (old.replaced_by === freshId) return;
    const reason = whyNot(old, fresh);
    if (reason !== undefined) {
      const detail = { old: oldId, id: freshId, reason };
      throw new TautlineError("fleet.cannot_replace", { detail });
    }
    await handOver(trx, old, fresh);
    await endIdentity(trx, oldId, now());
    await trx.updateTable("agents").set({ replaced_by: freshId }).where("id", "=", oldId).execute();
    const detail = { with: freshId, name: old.name };
    const subject = `agent:${oldId}`;
    await audit.append(trx, { action: "agent.replaced", actor, subject, detail });
  });
}

/** Identities, keys and certificates stay where they are: nothing that proves the old agent ever proves the new one (A3). */
function whyNot(old: AgentRow, fresh: AgentRow): string | undefined {
  if (old.id === fresh.id) return "it is the same agent";
  if (old.namespace !== fresh.namespace) return "they are in different namespaces";
  if (old.replaced_by !== null) return `agent ${old.replaced_by} took it before`;
  if (fresh.state !== "active" && fresh.state !== "joining") return `it is ${fresh.state}`;
  return undefined;
}

/** Whatever belongs to an agent and not to its keys goes over here: its name today, its jobs and its profile with those. */
async function handOver(trx: Writer, old: AgentRow, fresh: AgentRow): Promise<void> {
  await trx.updateTable("agents").set({ name: old.name }).where("id", "=", fresh.id).execute();
}
