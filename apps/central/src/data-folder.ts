import { randomUUID } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import type { Store } from "./store/store.ts";

/** What a data folder says of the central it was made for. */
export interface FolderIdentity {
  readonly trustDomain: string;
  readonly centralId: string;
}

/**
 * Reads whose data folder this is, or marks a new one.
 *
 * @param store its database
 * @param configuredTrustDomain what the settings say
 * @throws central.trust_domain_fixed if the settings name another trust domain than the folder was made for
 */
export async function openFolderIdentity(
  store: Store,
  configuredTrustDomain: string,
): Promise<FolderIdentity> {
  const rows = await store.read((db) => db.selectFrom("meta").selectAll().execute());
  const meta = new Map(rows.map((row) => [row.key, row.value]));
  const stored = meta.get("trust_domain");
  const centralId = meta.get("central_id");
  if (stored !== undefined && centralId !== undefined) {
    if (stored === configuredTrustDomain) return { trustDomain: stored, centralId };
    const detail = { configured: configuredTrustDomain, stored };
    throw new TautlineError("central.trust_domain_fixed", { detail });
  }
  const made = { trustDomain: configuredTrustDomain, centralId: randomUUID() };
  await store.write((trx) =>
    trx
      .insertInto("meta")
      .values([
        { key: "trust_domain", value: made.trustDomain },
        { key: "central_id", value: made.centralId },
      ])
      .execute(),
  );
  return made;
}
