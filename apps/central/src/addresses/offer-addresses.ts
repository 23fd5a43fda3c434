import type { InstructionStore } from "../instructions/instruction-store.ts";
import type { CentralMetrics } from "../metrics.ts";
import type { AgentRow } from "../store/schema.ts";
import { shouldOfferAddresses, type AddressStatus } from "./address-offer.ts";
import type { CentralAddresses } from "./wanted-addresses.ts";

/** How an agent stands to the addresses last offered to it; the time in milliseconds since the epoch. */
export interface AddressState {
  readonly hash: string | null;
  readonly status: AddressStatus;
  readonly atMs: number;
}

/** What offering addresses needs. */
export interface AddressOfferDeps {
  readonly addresses: Pick<CentralAddresses, "wantedBy">;
  readonly instructions: InstructionStore;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
}

/**
 * Signs central's addresses for an agent where they are to be offered now; recorded before they are sent.
 *
 * @param deps central's parts
 * @param agent whom
 * @param state how it stands
 * @returns the envelope and how the agent stands then; undefined if there is nothing to offer
 */
export async function offerAddresses(
  deps: AddressOfferDeps,
  { id: agentId, namespace }: Pick<AgentRow, "id" | "namespace">,
  { hash: offeredHash, status, atMs }: AddressState,
): Promise<{ readonly signed: Uint8Array; readonly state: AddressState } | undefined> {
  const wanted = deps.addresses.wantedBy(namespace);
  if (wanted === undefined) return undefined;
  const { digest, sinceMs: wantedSinceMs } = wanted;
  const wantedHash = digest.toString("hex");
  const nowMs = deps.now();
  const known = { wantedHash, wantedSinceMs, offeredHash, status, atMs, nowMs };
  if (!shouldOfferAddresses(known)) return undefined;
  const order = { agentId, namespace, kind: "addresses", digest, addresses: wanted };
  const signed = await deps.instructions.issue(order);
  deps.metrics.instructions.inc({ outcome: "issued" });
  return { signed, state: { hash: wantedHash, status: "offered", atMs: nowMs } };
}
