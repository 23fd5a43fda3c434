import { isLevel, type Level } from "./level.ts";
import { LIMITS } from "./limits.ts";

/**
 * The HTTP header in which each end of a link says which version it is and which levels it would use: `0.1.0; levels=tls,mtls`.
 * An agent sends it with its requests, central with every answer of the ports that agents dial, refusals too (OVP-1).
 */
export const OFFER_HEADER = "tautline-offer";

/** What one end says of itself; a claim, as good as the proof of who that end is. */
export interface PeerOffer {
  readonly version: string;
  /** What it is set to use, not what it could do; levels that only a newer version knows are left out. */
  readonly levels: readonly Level[];
}

const VERSION = "[0-9A-Za-z][0-9A-Za-z.+-]{0,63}";
const WORD = "[a-z][a-z0-9-]{0,15}";
/** What a newer version may add behind the levels. */
const MORE = `(?:; ${WORD}=[0-9A-Za-z.,+-]{0,64})*`;
const OFFER = new RegExp(`^(${VERSION}); levels=((?:${WORD}(?:,${WORD}){0,15})?)${MORE}$`);

/**
 * Writes an offer as it travels.
 *
 * @param offer version, at most 64 letters, digits, dots, plus and minus signs; levels
 */
export function formatOffer({ version, levels }: PeerOffer): string {
  return `${version}; levels=${levels.join(",")}`;
}

/**
 * Reads an offer. Levels and parameters that a newer version added are passed over, so that two versions understand each other.
 *
 * @param header value of the header; a list if it came twice
 * @returns undefined for anything but one well-formed offer
 */
export function readOffer(header: string | readonly string[] | undefined): PeerOffer | undefined {
  if (typeof header !== "string" || header.length > LIMITS.offerCharacters.value) return undefined;
  const [, version, list] = OFFER.exec(header) ?? [];
  if (version === undefined || list === undefined) return undefined;
  const words = list === "" ? [] : list.split(",");
  if (new Set(words).size < words.length) return undefined;
  return { version, levels: words.filter(isLevel) };
}
