import { type LinkEvidence, parseKeyIdentity } from "@tautline/protocol";
import type { KeyRing } from "./key-ring.ts";

/** A link over which an agent was answered. */
export interface AnsweredLink {
  readonly agentId: string;
  readonly remoteAddress: string;
  readonly evidence: Pick<LinkEvidence, "keyId" | "level">;
}

/**
 * Notes over which version of a shared key an agent was answered; passes over links without one.
 *
 * @param keys the ring
 * @param link whose message was answered
 */
export function noteKeyUse(
  keys: Pick<KeyRing, "noteUse">,
  { agentId, remoteAddress, evidence }: AnsweredLink,
): void {
  const { keyId, level } = evidence;
  if (keyId === null || (level !== "basic" && level !== "advanced")) return;
  const { name, version } = parseKeyIdentity(keyId) ?? {};
  if (name === undefined || version === undefined) return;
  keys.noteUse({ name, version }, { agentId, level, remoteAddress });
}
