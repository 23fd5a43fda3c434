import { createHash } from "node:crypto";

/** One entry of a hash-chained log; `previous` and `hash` are SHA-256 in lower-case hex. */
export interface ChainedEntry {
  readonly previous: string;
  readonly hash: string;
  readonly body: string;
}

/** What checking a chain found: how long it is and its last hash, or where (counted from 0) and why it breaks. */
export type HashChainVerdict =
  | { readonly ok: true; readonly count: number; readonly head: string }
  | { readonly ok: false; readonly at: number; readonly reason: string };

const LABEL = "tautline/hash-chain/v1";

/** The hash that stands before the first entry. */
export const GENESIS: string = "0".repeat(64);

/**
 * Hashes one entry onto the one before it: SHA-256 of `label NUL length ":" previous body`, in UTF-8.
 *
 * The length before `previous` keeps a character from moving between it and the body.
 *
 * @param previous hash of the entry before, 64 hex characters; GENESIS for the first
 * @param body the entry's exact text
 */
export function chainHash(previous: string, body: string): string {
  return createHash("sha256")
    .update(`${LABEL}\0${previous.length}:${previous}`)
    .update(body, "utf8")
    .digest("hex");
}

/**
 * Checks that nothing in a log was changed, removed from the middle, added or reordered.
 *
 * A cut end shows only by comparing `head` with one noted elsewhere.
 *
 * @param entries oldest first
 */
export function verifyHashChain(entries: Iterable<ChainedEntry>): HashChainVerdict {
  let head = GENESIS;
  let count = 0;
  for (const entry of entries) {
    if (entry.previous !== head) {
      return { ok: false, at: count, reason: "it does not follow the entry before it" };
    }
    if (entry.hash !== chainHash(entry.previous, entry.body)) {
      return { ok: false, at: count, reason: "its content is not what was hashed" };
    }
    head = entry.hash;
    count += 1;
  }
  return { ok: true, count, head };
}
