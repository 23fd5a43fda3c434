import { TautlineError } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";

/** @throws api.not_found */
export async function requireNamespace(trx: Writer, name: string): Promise<void> {
  const known = await trx
    .selectFrom("namespaces")
    .select("name")
    .where("name", "=", name)
    .executeTakeFirst();
  if (known !== undefined) return;
  const detail = { thing: "namespace", id: name, noun: "namespaces" };
  throw new TautlineError("api.not_found", { detail });
}

/** @throws api.conflict: names are unique at one central, because callers name a key and no namespace */
export async function requireFreeName(trx: Writer, name: string): Promise<void> {
  const taken = await trx
    .selectFrom("keys")
    .select("name")
    .where("name", "=", name)
    .executeTakeFirst();
  if (taken !== undefined) throw conflict(`There is a key '${name}' already`, "keys");
}

/**
 * Refuses to bind a key, or to allow a forward, to an agent that could not use it. One that has not come yet may be named.
 *
 * @throws api.conflict
 */
export async function requireBindable(
  trx: Writer,
  agentId: string,
  namespace: string,
  noun: "keys" | "forwards" | "certs" = "keys",
): Promise<void> {
  const deleted = await trx
    .selectFrom("deleted_agents")
    .select("id")
    .where("id", "=", agentId)
    .executeTakeFirst();
  const agent = await trx
    .selectFrom("agents")
    .select(["namespace", "state"])
    .where("id", "=", agentId)
    .executeTakeFirst();
  if (deleted !== undefined || agent?.state === "revoked" || agent?.state === "declined") {
    throw conflict(`Agent ${agentId} is no longer taken in`, noun);
  }
  if (agent !== undefined && agent.namespace !== namespace) {
    throw conflict(`Agent ${agentId} is not of the namespace '${namespace}'`, noun);
  }
}

function conflict(reason: string, noun: "keys" | "forwards" | "certs"): TautlineError {
  return new TautlineError("api.conflict", { detail: { reason, noun } });
}
