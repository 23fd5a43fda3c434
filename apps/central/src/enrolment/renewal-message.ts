import { type AgentToServer, CAPABILITY_ENROLMENT, decodeRenewalRequest } from "@tautline/protocol";
import { clientCsrOf } from "./client-csr.ts";
import type { RenewalOrder } from "./renew.ts";

/**
 * Reads a request for the next identity out of an agent's message.
 *
 * @param message decoded
 * @param who the agent that the link belongs to, and the serial of the certificate whose key it proved
 * @returns undefined if the message carries none
 * @throws enrolment.renewal_malformed
 */
export function renewalOrderOf(
  message: AgentToServer,
  who: { readonly agentId: string; readonly serial: string },
): RenewalOrder | undefined {
  const custom = message.customMessage;
  if (custom?.capability !== CAPABILITY_ENROLMENT || custom.type !== "renew") return undefined;
  const request = decodeRenewalRequest(custom.data);
  const clientCsrPem = clientCsrOf(message, "enrolment.renewal_malformed");
  return { ...request, clientCsrPem, agentId: who.agentId, callerSerial: who.serial };
}
