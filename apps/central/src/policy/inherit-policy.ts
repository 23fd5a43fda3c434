import type { AuditLog } from "../audit/audit-log.ts";
import type { Writer } from "../store/store.ts";
import { describePolicy, policyOfRow } from "./policy-rows.ts";

/** A namespace that is made, and by whom. */
export interface MadeNamespace {
  readonly namespace: string;
  /** Whose policies it gets. */
  readonly from: string;
  /** As in the trail, such as `operator:ana`. */
  readonly actor: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly atMs: number;
}

/**
 * Gives a new namespace the policies that stand in another one, in the transaction that makes it: a fleet that has closed plaintext does not open it
 * again with the next namespace. Later changes of the one are none of the other.
 *
 * @param trx that makes the namespace
 * @param made which
 * @param audit the trail
 * @throws store.*
 */
export async function inheritPolicies(
  trx: Writer,
  { namespace, from, actor, atMs }: MadeNamespace,
  audit: Pick<AuditLog, "append">,
): Promise<void> {
  const rows = await trx
    .selectFrom("link_policies")
    .selectAll()
    .where("namespace", "=", from)
    .orderBy("kind")
    .execute();
  for (const row of rows) {
    // As it is stored: what a newer version has written is not weakened by what this one knows.
    const own = { ...row, namespace, changed_at: atMs, changed_by: actor };
    await trx.insertInto("link_policies").values(own).execute();
    const known = policyOfRow(row);
    await audit.append(trx, {
      action: "policy.changed",
      actor,
      subject: `policy:${namespace}/${row.kind}`,
      detail: { ...(known && describePolicy(known.policy)), inheritedFrom: from },
    });
  }
}
