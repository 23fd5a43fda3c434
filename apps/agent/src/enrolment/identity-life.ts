import { X509Certificate } from "node:crypto";
import type { IdentityLife } from "@tautline/protocol";
import type { AgentIdentity } from "../settings/agent-state.ts";

/**
 * When an identity's first certificate ends; from then on it opens nothing but its own renewal.
 *
 * @param identity held
 * @returns milliseconds since 1970-01-01T00:00:00Z
 */
export function endOf(identity: AgentIdentity): number {
  const ends = [identity.clientChainPem, identity.serverChainPem].map((chainPem) =>
    new X509Certificate(chainPem).validToDate.getTime(),
  );
  return Math.min(...ends);
}

/**
 * The life of an identity that was granted just now.
 *
 * @param identity granted
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 */
export function lifeOf(identity: AgentIdentity, nowMs: number): IdentityLife {
  return { grantedMs: nowMs, endsMs: endOf(identity) };
}
