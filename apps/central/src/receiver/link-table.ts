import type { CarriedConnection } from "@tautline/link";
import { printableText } from "@tautline/protocol";
import type { ReceiverLink, ShownToken } from "./caller.ts";
import type { Claim } from "./claims/claim.ts";

/** What calls over a link have used: judged again when anything changes that they were judged by. */
export interface LinkUse {
  /** Name of the backend. */
  readonly backend: string;
  readonly token: ShownToken;
}

/** A link over which telemetry comes, while it is carried. */
export interface LiveReceiverLink extends ReceiverLink {
  /** Its own among all links. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly carried: CarriedConnection;
  /** When its last call began or ended; milliseconds since 1970. */
  heardMs: number;
  /** What its callers say they are, as the last call said it. */
  userAgent: string | null;
  /** What sends, as it says itself: `agent-version` of SkyWalking's newer agents, or the resource of OpenTelemetry where claims are looked at. */
  version: string | null;
  /** What its messages claim to be, where claims are looked at; the first few. */
  readonly claimed: Set<string>;
  /** By backend and token; a link is listed from the first one on. */
  readonly uses: Map<string, LinkUse>;
  /** Bytes of bodies of calls that are over. */
  up: number;
  down: number;
}

/** The receiver's links of this process. */
export interface LinkTable {
  add(link: LiveReceiverLink): void;
  remove(link: LiveReceiverLink): void;
  /** Also those of which no call was let through yet. */
  all(): readonly LiveReceiverLink[];
}

/** So many backends and tokens of one link are remembered; a call that would be one more is refused. */
export const MOST_USES = 64;

/** So many claims of one link are shown; a gateway makes more. */
const MOST_CLAIMED = 16;
/** Of a claimed name, characters. */
const MOST_NAME = 80;

/**
 * Remembers what a link's messages claim, for the lists of links.
 *
 * @param link that it came over
 * @param claims of a message
 */
export function noteClaimed(
  { claimed }: Pick<LiveReceiverLink, "claimed">,
  claims: readonly Claim[],
): void {
  for (const { text } of claims) {
    if (claimed.size >= MOST_CLAIMED) return;
    claimed.add(printableText(text, MOST_NAME));
  }
}

/** Makes the empty table. */
export function createLinkTable(): LinkTable {
  const links = new Set<LiveReceiverLink>();
  return {
    add: (link) => void links.add(link),
    remove: (link) => void links.delete(link),
    all: () => [...links],
  };
}

/**
 * Remembers what a call uses.
 *
 * @param link that it came over
 * @param use its backend and token
 * @returns false where there is no room for another: it must not run, for nobody could end it
 */
export function noteUse({ uses }: Pick<LiveReceiverLink, "uses">, use: LinkUse): boolean {
  const tokenId = use.token.kind === "proven" ? use.token.client.tokenId : "";
  const key = `${use.backend} ${tokenId}`;
  if (!uses.has(key) && uses.size >= MOST_USES) return false;
  uses.set(key, use);
  return true;
}
