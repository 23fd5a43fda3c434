import { type CertificateUse, TautlineError, type SpiffeId } from "@tautline/protocol";
import type { AgentState } from "../store/schema.ts";
import { refusalOf } from "./life-rule.ts";

/** What central's records say of the caller's certificate and of the agent it names. */
export interface CallerRecord {
  readonly agent?: { readonly namespace: string; readonly state: AgentState } | undefined;
  /** The certificate with the presented serial, if this central ever issued it. */
  readonly certificate?:
    | {
        readonly agentId: string | null;
        readonly revoked: boolean;
        readonly purpose: CertificateUse;
        /** It belongs to an identity that was replaced, of an agent that seems to exist twice. */
        readonly isSuspect?: boolean;
      }
    | undefined;
}

/**
 * Decides whether a caller whose certificate chain is proven may use the control link (A6: a valid certificate alone opens nothing).
 *
 * @param who the SPIFFE ID of the certificate
 * @param record what is recorded of it
 * @returns the refusal, or undefined if it may
 */
export function judgeCaller(who: SpiffeId, record: CallerRecord): TautlineError | undefined {
  if (who.kind !== "agent") return new TautlineError("admission.not_an_agent");
  const { agent, certificate } = record;
  if (agent === undefined || agent.namespace !== who.namespace) {
    return new TautlineError("admission.agent_unknown", { detail: { id: who.agentId } });
  }
  const byState = refusalOf(agent.state, who.agentId);
  if (byState !== undefined) return byState;
  if (
    certificate === undefined ||
    certificate.agentId !== who.agentId ||
    certificate.purpose !== "client"
  ) {
    return new TautlineError("admission.certificate_unknown");
  }
  if (certificate.isSuspect === true) {
    return new TautlineError("admission.identity_replaced", { detail: { id: who.agentId } });
  }
  if (certificate.revoked) return new TautlineError("admission.certificate_revoked");
  return undefined;
}
