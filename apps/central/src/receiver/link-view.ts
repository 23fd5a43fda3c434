import { printableText } from "@tautline/protocol";
import type { LinkView } from "../fleet/link-store.ts";
import { NO_STREAM, type StreamFacts } from "../forwards/stream-view.ts";
import { namespaceOfCall, type LinkIdentity } from "./caller.ts";
import type { LiveReceiverLink } from "./link-table.ts";

/** What the receiver's links have beyond others (SWP-7). */
export interface ReceiverFacts {
  /** Names of the clients whose tokens its calls showed; or the certificate or key that it came with. */
  readonly client: string | null;
  /** What its callers say they are. */
  readonly userAgent: string | null;
  /** Of what sends, as it says itself. */
  readonly senderVersion: string | null;
  /** Services and instances that its messages claim to be of, where a backend asks; the first few. */
  readonly claimed: readonly string[];
  /** When the caller's certificate ends; RFC 3339, UTC. */
  readonly certificateExpiresAt: string | null;
}

/** Of links that are none of the receiver. */
export const NO_RECEIVER: ReceiverFacts = {
  client: null,
  userAgent: null,
  senderVersion: null,
  claimed: [],
  certificateExpiresAt: null,
};

const MOST_CHARACTERS = 200;

/**
 * What a caller says it is, fit to be shown.
 *
 * @param text its header `user-agent`
 */
export function shownUserAgent(text: string | undefined): string | null {
  return text === undefined ? null : printableText(text, MOST_CHARACTERS);
}

const MOST_VERSION = 40;

/**
 * What version a caller says it has, fit to be shown.
 *
 * @param text its header `agent-version`, or what its messages say
 */
export function shownVersion(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : printableText(text, MOST_VERSION);
}

/**
 * A receiver's link as lists of links show it: the backends that its calls go to are its component.
 *
 * @param link while it is carried
 */
export function viewOfReceiverLink(link: LiveReceiverLink): LinkView & StreamFacts & ReceiverFacts {
  const { id, evidence, remoteAddress, identity, sinceMs, heardMs, uses, up, down } = link;
  const used = [...uses.values()];
  const namespaces = used.map(({ token }) => namespaceOfCall(identity, token) ?? "");
  return {
    ...NO_STREAM,
    ...evidence,
    id,
    kind: "receiver",
    agent: identity.kind === "agent" ? identity.id : "",
    namespace: namespaces[0] ?? "",
    component: [...new Set(used.map(({ backend }) => backend))].join(", "),
    transport: "receiver",
    remoteAddress,
    since: new Date(sinceMs).toISOString(),
    lastMessageAt: new Date(heardMs).toISOString(),
    verdict: "accepted",
    up,
    down,
    client: clientOf(link),
    userAgent: link.userAgent,
    senderVersion: link.version,
    claimed: [...link.claimed],
    certificateExpiresAt: timeOf(link.certificateEndsMs),
  };
}

function clientOf({ identity, uses }: Pick<LiveReceiverLink, "identity" | "uses">): string | null {
  const names = [...uses.values()].flatMap(({ token }) =>
    token.kind === "proven" ? [token.client.name] : [],
  );
  return names.length > 0 ? [...new Set(names)].join(", ") : textOf(identity);
}

function textOf(identity: LinkIdentity): string | null {
  if (identity.kind === "key" || identity.kind === "program") {
    return `${identity.kind} ${identity.name}`;
  }
  if (identity.kind !== "foreign") return null;
  return printableText(identity.peer.subject, MOST_CHARACTERS);
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
