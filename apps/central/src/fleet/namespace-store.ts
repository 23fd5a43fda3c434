import { TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { CertificateAuthority } from "../authority/authority.ts";
import { inheritPolicies } from "../policy/inherit-policy.ts";
import type { Store } from "../store/store.ts";

/** The namespace that exists from the start. */
export const DEFAULT_NAMESPACE = "default";

/** A namespace as lists show it. */
export interface NamespaceView {
  readonly name: string;
  readonly createdAt: string;
  readonly agents: number;
}

/** The namespaces and their intermediates, made together. */
export interface NamespaceStore {
  list(): Promise<NamespaceView[]>;
  /** @throws api.not_found */
  get(name: string): Promise<NamespaceView>;
  /** Makes one, with the policies that stand in `default`. @throws api.conflict */
  create(name: string, actor: string): Promise<NamespaceView>;
}

/** What the namespaces need. */
export interface NamespaceDeps {
  readonly store: Store;
  readonly authority: CertificateAuthority;
  readonly audit: AuditLog;
  readonly now: () => number;
}

/** Opens the namespaces of a store, making `default` on the first start. */
export async function openNamespaces(deps: NamespaceDeps): Promise<NamespaceStore> {
  const list = () => listNamespaces(deps.store);
  const get = async (name: string): Promise<NamespaceView> => {
    const found = (await list()).find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new TautlineError("api.not_found", {
      detail: { thing: "namespace", id: name, noun: "namespaces" },
    });
  };
  const create = async (name: string, actor: string): Promise<NamespaceView> => {
    await createNamespace(deps, name, actor);
    return get(name);
  };
  if ((await list()).length === 0) await create(DEFAULT_NAMESPACE, "central");
  return { list, get, create };
}

async function listNamespaces(store: Store): Promise<NamespaceView[]> {
  const rows = await store.read((db) =>
    db
      .selectFrom("namespaces")
      .leftJoin("agents", "agents.namespace", "namespaces.name")
      .select((eb) => [
        "namespaces.name",
        "namespaces.created_at",
        eb.fn.count("agents.id").as("agents"),
      ])
      .groupBy(["namespaces.name", "namespaces.created_at"])
      .orderBy("namespaces.name")
      .execute(),
  );
  return rows.map((row) => ({
    name: row.name,
    createdAt: new Date(row.created_at).toISOString(),
    agents: Number(row.agents),
  }));
}

async function createNamespace(deps: NamespaceDeps, name: string, actor: string): Promise<void> {
  const makeKnown = await deps.store.write(async (trx) => {
    const known = await trx
      .selectFrom("namespaces")
      .select("name")
      .where("name", "=", name)
      .executeTakeFirst();
    if (known !== undefined) {
      const reason = `The namespace '${name}' exists already`;
      throw new TautlineError("api.conflict", { detail: { reason, noun: "namespaces" } });
    }
    await trx.insertInto("namespaces").values({ name, created_at: deps.now() }).execute();
    await deps.audit.append(trx, {
      action: "namespace.created",
      actor,
      subject: `namespace:${name}`,
    });
    const made = { namespace: name, from: DEFAULT_NAMESPACE, actor, atMs: deps.now() };
    await inheritPolicies(trx, made, deps.audit);
    return deps.authority.addNamespace(trx, name);
  });
  makeKnown();
}
