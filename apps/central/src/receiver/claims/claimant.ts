import {
  isAgentId,
  isForwardName,
  isKeyName,
  isNamespace,
  TautlineError,
  readCertifiedName,
} from "@tautline/protocol";
import type { LinkIdentity, ShownToken } from "../caller.ts";

/**
 * Who may claim something, as lists of names know them: `client:NAME`, `agent:ID`, `key:NAME`, `certificate:PIN` (SHA-256 of its
 * SPKI, hexadecimal), `namespace:NAME` for all of these in it that have no list of their own, and `nobody` for callers that prove nothing.
 */
export type Claimant = string;

/**
 * Names the claimants that a call stands for.
 *
 * @param identity what its link proved
 * @param token what the call showed
 * @returns link first, then client; `nobody` where neither proved anything
 */
export function claimantsOf(identity: LinkIdentity, token: ShownToken): readonly Claimant[] {
  const ofLink = claimantOfLink(identity);
  const found = [
    ...(ofLink === undefined ? [] : [ofLink]),
    ...(token.kind === "proven" ? [`client:${token.client.name}`] : []),
  ];
  return found.length === 0 ? ["nobody"] : found;
}

function claimantOfLink(identity: LinkIdentity): Claimant | undefined {
  switch (identity.kind) {
    case "agent":
      return `agent:${identity.id}`;
    case "foreign":
      return `certificate:${identity.peer.keyPin}`;
    case "key":
      return `key:${identity.name}`;
    case "program":
      return `program:${identity.name}`;
    default:
      return undefined;
  }
}

/**
 * Reads a claimant that somebody wrote.
 *
 * @param text any text
 * @throws value.claimant
 */
export function parseClaimant(text: string): Claimant {
  const at = text.indexOf(":");
  const [kind, name] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  if (text === "nobody" || isRight(kind, name)) return text;
  throw new TautlineError("value.claimant", { detail: { text } });
}

function isRight(kind: string, name: string): boolean {
  switch (kind) {
    case "client":
      return isForwardName(name);
    case "agent":
      return isAgentId(name);
    case "certificate":
      return /^[0-9a-f]{64}$/.test(name);
    case "namespace":
      return isNamespace(name);
    case "key":
      return isKeyName(name);
    case "program":
      return readCertifiedName(name) !== undefined;
    default:
      return false;
  }
}
