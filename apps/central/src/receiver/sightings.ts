import type { TautlineError } from "@tautline/protocol";

/** Callers that were refused with one code. */
export interface RefusalSighting {
  readonly code: string;
  /** The last one's, as it was told. */
  readonly sentence: string;
  readonly remedy: string;
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Where they came from last; the newest first. */
  readonly from: readonly string[];
}

/** Something that somebody claimed to be and may not. */
export interface ClaimSighting {
  readonly claimant: string;
  readonly backend: string;
  /** "service 'shop'", or that it could not be read. */
  readonly claimed: string;
  readonly isRefused: boolean;
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly lastMs: number;
}

/** What this process saw of the receiver lately, for `doctor`; gone with the process. */
export interface Sightings {
  refused(error: TautlineError, remoteAddress: string): void;
  claimed(sighting: Omit<ClaimSighting, "count" | "lastMs">): void;
  /** A call showed this token, and it was good. */
  used(tokenId: string): void;
  refusals(): readonly RefusalSighting[];
  claims(): readonly ClaimSighting[];
  /** When a token was last used; milliseconds since 1970. */
  usedMs(tokenId: string): number | undefined;
}

/** What is older is not shown. */
export const SEEN_LATELY_MS = 24 * 3_600_000;
const MOST_ADDRESSES = 5;
const MOST_CLAIMS = 200;
const MOST_TOKENS = 10_000;

/**
 * Makes the empty memory. Callers cannot make it grow: codes are those of the catalogue, and of everything else the oldest are forgotten.
 *
 * @param now milliseconds since 1970
 */
export function createSightings(now: () => number): Sightings {
  const refusals = new Map<string, RefusalSighting>();
  const claims = new Map<string, ClaimSighting>();
  const tokens = new Map<string, number>();
  const isLate = ({ lastMs }: { readonly lastMs: number }): boolean =>
    now() - lastMs <= SEEN_LATELY_MS;
  return {
    refused: (error, from) => {
      const { code, message: sentence, remedy } = error;
      const last = refusals.get(code);
      const before = last !== undefined && isLate(last) ? last : undefined;
      const firstMs = before?.firstMs ?? now();
      const others = (before?.from ?? []).filter((each) => each !== from);
      const count = (before?.count ?? 0) + 1;
      const seen = { code, sentence, remedy, count, firstMs, lastMs: now() };
      refusals.set(code, { ...seen, from: [from, ...others].slice(0, MOST_ADDRESSES) });
    },
    claimed: (sighting) => {
      const key = `${sighting.claimant} ${sighting.backend} ${sighting.claimed}`;
      const count = (claims.get(key)?.count ?? 0) + 1;
      putLast(claims, key, { ...sighting, count, lastMs: now() }, MOST_CLAIMS);
    },
    used: (tokenId) => putLast(tokens, tokenId, now(), MOST_TOKENS),
    refusals: () => [...refusals.values()].filter(isLate),
    claims: () => [...claims.values()].filter(isLate),
    usedMs: (tokenId) => tokens.get(tokenId),
  };
}

function putLast<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
