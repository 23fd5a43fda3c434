import { TautlineError } from "@tautline/protocol";
import type { ReceiverClaimantTable } from "../../store/receiver-tables.ts";
import type { Writer } from "../../store/store.ts";
import type { Allowance } from "./claim.ts";
import { parseAllowed } from "./claim-rule.ts";
import type { Claimant } from "./claimant.ts";

/** What somebody shall be allowed to claim. */
export interface ClaimantOrder extends Allowance {
  readonly claimant: Claimant;
  /** Where it belongs; empty for what belongs to no namespace. */
  readonly namespace: string;
  readonly actor: string;
}

/**
 * Says of a row what it allows.
 *
 * @param row as it is stored
 */
export function allowanceOfRow({
  services,
  instances,
}: Pick<ReceiverClaimantTable, "services" | "instances">): Allowance {
  return { services: linesOf(services), instances: linesOf(instances) };
}

/**
 * Writes a list in place of the one before.
 *
 * @param trx the transaction
 * @param order whose, and what
 * @param atMs milliseconds since 1970
 * @returns the row
 * @throws value.claimed_name, api.invalid for a list without a service
 */
export async function putClaimant(
  trx: Writer,
  { claimant, namespace, actor, ...lists }: ClaimantOrder,
  atMs: number,
): Promise<ReceiverClaimantTable> {
  if (lists.services.length === 0) {
    const reason = "a list names at least one service; a star stands for every one";
    throw new TautlineError("api.invalid", { detail: { path: "services", reason } });
  }
  const row: ReceiverClaimantTable = {
    claimant,
    namespace,
    services: parseAllowed(lists.services).join("\n"),
    instances: parseAllowed(lists.instances).join("\n"),
    created_at: atMs,
    created_by: actor,
  };
  await dropClaimant(trx, claimant);
  await trx.insertInto("receiver_claimants").values(row).execute();
  return row;
}

/**
 * What the trail says of a list.
 *
 * @param row as it is stored
 */
export function listedDetail(
  row: Pick<ReceiverClaimantTable, "services" | "instances">,
): Record<"services" | "instances", string> {
  const { services, instances } = allowanceOfRow(row);
  return { services: services.join(", "), instances: instances.join(", ") || "any" };
}

/**
 * Takes a list away, if there is one.
 *
 * @param trx the transaction
 * @param claimant whose
 */
export async function dropClaimant(trx: Writer, claimant: Claimant): Promise<void> {
  await trx.deleteFrom("receiver_claimants").where("claimant", "=", claimant).execute();
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.split("\n");
}
