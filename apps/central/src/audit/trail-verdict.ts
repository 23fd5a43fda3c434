import type { X509Certificate } from "node:crypto";
import { openCheckpoint } from "@tautline/pki";
import type { TrailHead } from "@tautline/protocol";
import { createTrailCheck, GENESIS } from "@tautline/vault";
import type { Store } from "../store/store.ts";
import { readTrail, TRAIL_BEGINNING } from "./trail-reader.ts";

/** Whose trail it is. */
export interface TrailOwner {
  readonly trustDomain: string;
  readonly centralId: string;
  readonly root: X509Certificate;
}

/** What checking the trail found: its length, its last hash and how far it is signed, or the first entry that is wrong, and why. */
export type AuditVerdict =
  | {
      readonly ok: true;
      readonly count: number;
      readonly head: string;
      /** Signed checkpoints, all proven. */
      readonly checkpoints: number;
      /** Number of the last entry that a checkpoint vouches for. */
      readonly signedTo: number;
    }
  | { readonly ok: false; readonly at: number; readonly reason: string };

/**
 * Makes the head of an export.
 *
 * @param owner whose trail it is
 * @param before the entry before the first one exported; of the whole trail none
 */
export function trailHead(
  { trustDomain, centralId: central, root }: TrailOwner,
  { seq, hash }: { readonly seq: number; readonly hash: string } = { seq: 0, hash: GENESIS },
): TrailHead {
  const whose = { trustDomain, central, root: root.toString() };
  return { type: "trail", format: 1, ...whose, seq, hash };
}

/**
 * Checks the whole chain and every checkpoint. A trail that was replaced as a whole, key and all, shows only by comparing with what was
 * noted elsewhere.
 *
 * @param store central's database
 * @param owner whose trail it is
 * @throws store.*
 */
export async function verifyTrail(store: Store, owner: TrailOwner): Promise<AuditVerdict> {
  const { trustDomain, root } = owner;
  const check = createTrailCheck((signed) =>
    openCheckpoint(signed, { trustDomain, roots: [root] }),
  );
  check.add(trailHead(owner));
  for await (const page of readTrail(store, TRAIL_BEGINNING)) {
    for (const line of page) {
      const fault = check.add(line);
      if (fault !== undefined) return { ok: false, ...fault };
    }
  }
  const { count, hash, checkpoints, newest } = check.state;
  return { ok: true, count, head: hash, checkpoints, signedTo: newest?.seq ?? 0 };
}
