import { TautlineError } from "@tautline/protocol";
import { requiredAgent } from "../../fleet/required-agent.ts";
import { requireNamespace } from "../../keys/new-key-rule.ts";
import type { ReceiverClaimantTable } from "../../store/receiver-tables.ts";
import type { Writer } from "../../store/store.ts";
import type { ReceiverStoreDeps } from "../backend-store.ts";
import type { Allowance } from "./claim.ts";
import { type Claimant, parseClaimant } from "./claimant.ts";
import { allowanceOfRow, dropClaimant, listedDetail, putClaimant } from "./claimant-rows.ts";

/** A list as it is shown. */
export interface ClaimantView extends Allowance {
  readonly claimant: Claimant;
  /** Empty for what belongs to none. */
  readonly namespace: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  readonly createdBy: string;
}

/** What senders of telemetry may claim to be. Each change is one transaction with its audit entry; when it resolves, this process follows it. */
export interface ClaimantStore {
  /** In place of the list before. @throws value.claimant, value.claimed_name, api.invalid for no service, api.not_found for a client, an agent or a namespace that is not there */
  allow(
    order: Allowance & { readonly claimant: string; readonly actor: string },
  ): Promise<ClaimantView>;
  /** @throws value.claimant, api.not_found */
  deny(claimant: string, actor: string): Promise<void>;
  list(): Promise<ClaimantView[]>;
}

/**
 * Opens the lists of a store.
 *
 * @param deps store, trail, clock, and who follows a change
 */
export function createClaimantStore(deps: ReceiverStoreDeps): ClaimantStore {
  const { store, audit, now } = deps;
  return {
    allow: async ({ actor, ...order }) => {
      const claimant = parseClaimant(order.claimant);
      const row = await store.write(async (trx) => {
        const namespace = await namespaceOf(trx, claimant);
        const put = await putClaimant(trx, { ...order, claimant, namespace, actor }, now());
        const detail = { claimant, ...listedDetail(put) };
        const action = "client.claims-allowed";
        await audit.append(trx, { action, actor, subject: subjectOf(claimant), detail });
        return put;
      });
      await deps.onChanged();
      return viewOf(row);
    },
    deny: async (text, actor) => {
      const claimant = parseClaimant(text);
      await store.write(async (trx) => {
        await requireListed(trx, claimant);
        await dropClaimant(trx, claimant);
        const action = "client.claims-denied";
        const detail = { claimant };
        await audit.append(trx, { action, actor, subject: subjectOf(claimant), detail });
      });
      await deps.onChanged();
    },
    list: async () => {
      const rows = await store.read((db) =>
        db.selectFrom("receiver_claimants").selectAll().orderBy("claimant").execute(),
      );
      return rows.map(viewOf);
    },
  };
}

/** A list for somebody who is not there would hold for nobody, or one day for somebody else. */
async function namespaceOf(trx: Writer, claimant: Claimant): Promise<string> {
  const [kind, name = ""] = claimant.split(":", 2);
  if (kind === "agent") return (await requiredAgent(trx, name)).namespace;
  if (kind === "namespace") {
    await requireNamespace(trx, name);
    return name;
  }
  if (kind !== "client" && kind !== "key") return "";
  const table = kind === "client" ? "receiver_clients" : "keys";
  const row = await trx
    .selectFrom(table)
    .select("namespace")
    .where("name", "=", name)
    .executeTakeFirst();
  if (row !== undefined) return row.namespace;
  throw new TautlineError("api.not_found", { detail: { thing: kind, id: name, noun: `${kind}s` } });
}

async function requireListed(trx: Writer, id: Claimant): Promise<void> {
  const row = await trx
    .selectFrom("receiver_claimants")
    .select("claimant")
    .where("claimant", "=", id)
    .executeTakeFirst();
  if (row !== undefined) return;
  const detail = { thing: "list of what may be claimed by", id, noun: "clients allowed" };
  throw new TautlineError("api.not_found", { detail });
}

/** In the trail things of central's own have no name. */
function subjectOf(claimant: Claimant): string {
  return /^(?:client|agent|key):/.test(claimant) ? claimant : "central";
}

function viewOf(row: ReceiverClaimantTable): ClaimantView {
  const { claimant, namespace, created_at: atMs, created_by: createdBy } = row;
  const createdAt = new Date(atMs).toISOString();
  return { claimant, namespace, ...allowanceOfRow(row), createdAt, createdBy };
}
