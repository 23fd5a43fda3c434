import { certificatesFromPem, spkiPin } from "@tautline/pki";
import { toBase64Url, type JoinToken } from "@tautline/protocol";
import type { AgentIdentity, JoinTicket } from "../settings/agent-state.ts";

/**
 * What of a join token is kept until the join is proven.
 *
 * @param token decoded
 */
export function ticketOf(token: JoinToken): JoinTicket {
  return {
    addresses: token.addresses,
    pins: token.pins.map(toBase64Url),
    trustDomain: token.trustDomain,
    namespace: token.namespace,
    tokenId: token.tokenId,
    secret: toBase64Url(token.secret),
  };
}

/**
 * Tells whether a ticket is for the central that granted an identity: same trust domain, and a pin of one of its roots.
 *
 * @param ticket of a new token
 * @param identity held
 */
export function isSameCentral(ticket: JoinTicket, identity: AgentIdentity): boolean {
  const roots = certificatesFromPem(identity.rootsPem);
  const rootPins = new Set(roots.map((root) => toBase64Url(spkiPin(root))));
  return (
    ticket.trustDomain === identity.trustDomain && ticket.pins.some((pin) => rootPins.has(pin))
  );
}
