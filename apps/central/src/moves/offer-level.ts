import { createHash } from "node:crypto";
import { encodeLevelOrder, LIMITS } from "@tautline/protocol";
import type { CentralAddresses } from "../addresses/wanted-addresses.ts";
import type { InstructionOrder, InstructionStore } from "../instructions/instruction-store.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { AgentRow } from "../store/schema.ts";
import type { LevelOrders } from "./level-orders.ts";
import { shouldOfferMove } from "./move-rule.ts";

/** What offering levels needs. */
export interface LevelOfferDeps {
  readonly moves: Pick<LevelOrders, "openOf" | "noteOffer" | "reread">;
  readonly addresses: Pick<CentralAddresses, "toldTo">;
  readonly instructions: InstructionStore;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
}

/**
 * Signs the level that an agent is ordered to climb to, with the addresses of the port that hears it, where it is to be offered now;
 * recorded before it is sent.
 *
 * @param deps central's parts
 * @param agent whom
 * @returns the envelope; undefined if there is nothing to offer
 */
export async function offerLevel(
  deps: LevelOfferDeps,
  { id: agentId, namespace }: Pick<AgentRow, "id" | "namespace">,
): Promise<Uint8Array | undefined> {
  const order = deps.moves.openOf(agentId);
  if (order === undefined || !shouldOfferMove({ ...order, nowMs: deps.now() })) return undefined;
  const { level } = order;
  const addresses = deps.addresses.toldTo(namespace).slice(0, LIMITS.addresses.value);
  const subject = encodeLevelOrder({ level, addresses });
  const digest = createHash("sha256").update(subject).digest();
  const move = { level, subject };
  deps.moves.noteOffer(agentId);
  const signed = await issued(deps, { agentId, namespace, kind: "level", digest, move });
  deps.metrics.instructions.inc({ outcome: "issued" });
  return signed;
}

async function issued(
  { instructions, moves }: LevelOfferDeps,
  order: InstructionOrder,
): Promise<Uint8Array> {
  try {
    return await instructions.issue(order);
  } finally {
    // Also where it could not be recorded: it is to be offered again then.
    await moves.reread(order.agentId);
  }
}
