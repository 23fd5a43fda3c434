import { formatOffer, type Level, type PeerOffer, upgradeFor } from "@tautline/protocol";
import { VERSION } from "../version.ts";
import type { LiveLink, LiveLinks } from "./live-links.ts";

/** What an agent said of itself over a live link, and what follows from it. */
export interface SaidOffer {
  /** Null where it said nothing; a claim of the agent's in any case. */
  readonly offers: { readonly version: string; readonly levels: Level[] } | null;
  /** The version it needs for every level that central accepts, as ">= 4.50"; null where its own is not known to be too old. */
  readonly upgrade: string | null;
}

/** What central says of itself to agents, and what they said of themselves over their live links (docs/reference/links.md). */
export interface Offers {
  /** Value of the header that goes with every answer of the ports that agents dial. */
  header(): string;
  /** By the id of a link, as of now; who has no live link at this process said nothing. */
  ofLinks(): (linkId: string) => SaidOffer;
  /** The same by agent, of its newest link. */
  ofAgents(): (agentId: string) => SaidOffer;
}

const NOTHING: SaidOffer = { offers: null, upgrade: null };

/**
 * Makes the view of offers.
 *
 * @param live the links of this process
 * @param levels what the ports for agents accept now
 */
export function createOffers(live: Pick<LiveLinks, "all">, levels: () => readonly Level[]): Offers {
  const index = (keyOf: (link: LiveLink) => string): ((key: string) => SaidOffer) => {
    const said = new Map(live.all().map((link) => [keyOf(link), link.offer]));
    const accepted = levels();
    return (key) => describe(said.get(key), accepted);
  };
  return {
    header: () => formatOffer({ version: VERSION, levels: levels() }),
    ofLinks: () => index(({ id }) => id),
    ofAgents: () => index(({ agentId }) => agentId),
  };
}

/**
 * Puts what was said beside a row of a list.
 *
 * @param row of an agent or a link
 * @param said over its link
 */
export function withSaid<Row extends object>(row: Row, said: SaidOffer): Row & SaidOffer {
  return { ...row, ...said };
}

function describe(offer: PeerOffer | undefined, accepted: readonly Level[]): SaidOffer {
  if (offer === undefined) return NOTHING;
  const since = upgradeFor(offer.version, accepted);
  const offers = { version: offer.version, levels: [...offer.levels] };
  return { offers, upgrade: since === undefined ? null : `>= ${since}` };
}
