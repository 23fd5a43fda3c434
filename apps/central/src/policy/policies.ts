import type { Logger } from "@tautline/daemon";
import type { AuditLog } from "../audit/audit-log.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { Store, Writer } from "../store/store.ts";
import { createPolicyBook, type PolicyBook } from "./policy-book.ts";
import { POLICY_KINDS } from "./policy-kind.ts";
import { createPolicyStore, type PolicyStore } from "./policy-store.ts";

/** What is asked of links: on the disk, and in memory for those who judge by it. */
export interface Policies {
  readonly stored: PolicyStore;
  readonly book: PolicyBook;
  /**
   * Changes policies and exceptions in one transaction; when it resolves, that is on the disk, the book has it, and what may no
   * longer be has been ended in this process.
   *
   * @param work with the transaction; what it throws takes everything back
   * @throws what `work` throws, store.*
   */
  readonly change: <T>(work: (trx: Writer) => Promise<T>) => Promise<T>;
}

/** What they need. */
export interface PoliciesDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly metrics: Pick<CentralMetrics, "watchExceptions">;
  readonly log: Logger;
}

/**
 * Opens the policies with everything in the book.
 *
 * @param deps database, trail, counters, log
 * @throws store.*
 */
export async function openPolicies({
  store,
  audit,
  metrics,
  log,
}: PoliciesDeps): Promise<Policies> {
  const book = createPolicyBook(store);
  await book.look();
  metrics.watchExceptions(() => {
    const count = new Map(POLICY_KINDS.map((kind) => [kind, 0]));
    for (const { kind } of book.exceptions()) count.set(kind, (count.get(kind) ?? 0) + 1);
    return count;
  });
  return {
    stored: createPolicyStore(audit),
    book,
    change: async (work) => {
      const result = await store.write(work);
      // Changed it is; what this process did not see now it sees in a second.
      await book
        .look()
        .catch((error: unknown) => log.error({ err: error }, "policies were not looked at"));
      return result;
    },
  };
}
