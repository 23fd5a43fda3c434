import type { AgentRow, CertificateRow } from "../store/schema.ts";
import type { CallerRecord } from "./admission-rule.ts";

/** The columns of an agent that decide whether it may be here. */
export type JudgedAgent = Pick<
  AgentRow,
  "id" | "namespace" | "state" | "clone_suspected_at" | "proven_counter"
>;

/** The columns of a certificate that decide whether its holder may be here. */
export type JudgedCertificate = Pick<
  CertificateRow,
  "agent_id" | "purpose" | "revoked_at" | "renewal_counter"
>;

/**
 * Says of rows what the rule of admission asks.
 *
 * @param agent the agent that the certificate names
 * @param certificate the one with the presented serial
 * @param isKeyRevoked whether any certificate over the same key was revoked: a key does not come back under another one (A17)
 */
export function callerRecord(
  agent: JudgedAgent | undefined,
  certificate: JudgedCertificate | undefined,
  isKeyRevoked: boolean,
): CallerRecord {
  return {
    agent,
    certificate: certificate && {
      agentId: certificate.agent_id,
      revoked: certificate.revoked_at !== null || isKeyRevoked,
      purpose: certificate.purpose,
      isSuspect:
        agent !== undefined &&
        agent.clone_suspected_at !== null &&
        certificate.renewal_counter < agent.proven_counter,
    },
  };
}
