import {
  type AgentToServer,
  CAPABILITY_EDGE,
  decodeEdgeReport,
  EDGE_LOSS_REASONS,
  type EdgeReport,
} from "@tautline/protocol";
import { CLAIM_STATES } from "../fleet/claim-rule.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { Store, Writer } from "../store/store.ts";
import { grownLosses } from "./loss-rule.ts";

/** What agents say of their edges: the newest of each is kept. */
export interface EdgeStore {
  /**
   * Takes what a message says of its sender's edge, if it does. On the disk when the promise resolves.
   *
   * @param agentId who says it
   * @param message as it was decoded
   * @param of `claim`: nobody proved to be that agent, so it is kept as its word and not counted
   * @throws agent.edge_report_malformed, store.*
   */
  take(agentId: string, message: AgentToServer, of?: "agent" | "claim"): Promise<void>;
}

/** What keeping reports needs. */
export interface EdgeStoreDeps {
  readonly store: Store;
  readonly metrics: Pick<CentralMetrics, "edgeLost">;
  readonly now: () => number;
}

/** Reasons of a later version of the agent are counted together. */
const KNOWN: ReadonlySet<string> = new Set(EDGE_LOSS_REASONS);
const OTHER = "other";

/**
 * Opens the record of edges.
 *
 * @param deps database, metrics, clock
 */
export function createEdgeStore({ store, metrics, now }: EdgeStoreDeps): EdgeStore {
  return {
    take: async (agentId, { customMessage: custom }, of = "agent") => {
      if (custom?.capability !== CAPABILITY_EDGE || custom.type !== "report") return;
      const report = decodeEdgeReport(custom.data);
      const text = JSON.stringify(report);
      // A fleet that comes back tells all of it anew: what is known costs a read.
      if ((await store.read((db) => knownText(db, agentId))) === text) return;
      const order = { agentId, report, text, atMs: now(), of };
      const grown = await store.write((trx) => keep(trx, order));
      if (of === "claim") return;
      for (const [reason, calls] of grown) {
        metrics.edgeLost.inc({ reason: KNOWN.has(reason) ? reason : OTHER }, calls);
      }
    },
  };
}

async function keep(
  trx: Writer,
  order: {
    readonly agentId: string;
    readonly report: EdgeReport;
    readonly text: string;
    readonly atMs: number;
    readonly of: "agent" | "claim";
  },
): Promise<ReadonlyMap<string, number>> {
  const { agentId, report, text, atMs, of } = order;
  const known = await knownText(trx, agentId);
  const before = known === null ? undefined : (JSON.parse(known) as EdgeReport);
  const grown = grownLosses(before?.losses ?? [], report.losses);
  let update = trx
    .updateTable("agents")
    .set({
      edge_report: text,
      edge_told_at: atMs,
      ...(grown.size > 0 && { edge_lost_at: atMs }),
    })
    .where("id", "=", agentId);
  // It may have got an identity meanwhile, whose word stands above this.
  if (of === "claim") update = update.where("state", "in", CLAIM_STATES);
  await update.execute();
  return grown;
}

async function knownText(db: Pick<Writer, "selectFrom">, agentId: string): Promise<string | null> {
  const row = await db
    .selectFrom("agents")
    .select("edge_report")
    .where("id", "=", agentId)
    .executeTakeFirst();
  return row?.edge_report ?? null;
}
