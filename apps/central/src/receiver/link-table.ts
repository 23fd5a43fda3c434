import type { CarriedConnection } from "@tautline/link";
import type { ReceiverLink, ShownToken } from "./caller.ts";

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
