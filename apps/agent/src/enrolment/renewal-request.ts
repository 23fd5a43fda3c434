import { create } from "@bufbuild/protobuf";
import { createCsr, importPrivateKey } from "@tautline/pki";
import {
  agentIdToBytes,
  AgentToServerSchema,
  CAPABILITY_ENROLMENT,
  ConnectionSettingsRequestSchema,
  customMessage,
  encodeAgentToServer,
  encodeRenewalRequest,
} from "@tautline/protocol";
import type { IdentityRequest } from "../control/next-message.ts";
import type { NextIdentity } from "../settings/agent-state.ts";
import { AGENT_VERSION } from "../version.ts";

/**
 * Makes the request for the next identity: OpAMP's ConnectionSettingsRequest with the client certificate's request, and ours.
 *
 * Number and keys come from the state, so a repeated request asks for the same identity (F3).
 *
 * @param agentId the agent's own
 * @param next what is asked for
 */
export function renewalRequest(agentId: string, { counter, keys }: NextIdentity): IdentityRequest {
  const csr = new TextEncoder().encode(createCsr(importPrivateKey(keys.client), agentId));
  const data = encodeRenewalRequest({
    counter,
    serverCsrPem: createCsr(importPrivateKey(keys.server), agentId),
    agentVersion: AGENT_VERSION,
  });
  return {
    connectionSettingsRequest: create(ConnectionSettingsRequestSchema, {
      opamp: { certificateRequest: { csr } },
    }),
    customMessage: customMessage(CAPABILITY_ENROLMENT, "renew", data),
  };
}

/**
 * Makes the one message of a link over which nothing but renewing is possible.
 *
 * @param agentId the agent's own
 * @param next what is asked for
 * @param capabilities OpAMP AgentCapabilities as bits
 * @returns an encoded AgentToServer
 */
export function encodeRenewal(
  agentId: string,
  next: NextIdentity,
  capabilities: bigint,
): Uint8Array {
  const instanceUid = agentIdToBytes(agentId);
  const request = renewalRequest(agentId, next);
  return encodeAgentToServer(
    create(AgentToServerSchema, { instanceUid, sequenceNum: 1n, capabilities, ...request }),
  );
}
