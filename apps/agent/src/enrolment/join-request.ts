import { create } from "@bufbuild/protobuf";
import { createCsr, importPrivateKey } from "@tautline/pki";
import {
  AgentCapability,
  agentIdToBytes,
  AgentToServerSchema,
  CAPABILITY_ENROLMENT,
  CustomCapabilitiesSchema,
  customMessage,
  encodeAgentToServer,
  encodeEnrolmentRequest,
} from "@tautline/protocol";
import { describeAgent, type HostFacts } from "../control/agent-report.ts";
import type { JoiningState } from "../settings/agent-state.ts";
import { AGENT_VERSION } from "../version.ts";

const CAPABILITIES =
  AgentCapability.ReportsStatus |
  AgentCapability.AcceptsOpAMPConnectionSettings |
  AgentCapability.ReportsConnectionSettingsStatus;

/**
 * Makes the one message of a join: the request for both certificates (OpAMP ConnectionSettingsRequest and ours).
 *
 * The keys come from the state, so a repeated request is the same request and uses no second place of the token (F3).
 *
 * @param state joining
 * @param host what this host is
 * @returns an encoded AgentToServer
 */
export function encodeJoinRequest(state: JoiningState, host: HostFacts): Uint8Array {
  const { agentId, keys, name } = state;
  const request = {
    name,
    serverCsrPem: createCsr(importPrivateKey(keys.server), agentId),
    agentVersion: AGENT_VERSION,
  };
  const csr = new TextEncoder().encode(createCsr(importPrivateKey(keys.client), agentId));
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: agentIdToBytes(agentId),
      sequenceNum: 1n,
      capabilities: CAPABILITIES,
      agentDescription: describeAgent(agentId, name, host),
      connectionSettingsRequest: { opamp: { certificateRequest: { csr } } },
      customCapabilities: create(CustomCapabilitiesSchema, {
        capabilities: [CAPABILITY_ENROLMENT],
      }),
      customMessage: customMessage(
        CAPABILITY_ENROLMENT,
        "request",
        encodeEnrolmentRequest(request),
      ),
    }),
  );
}
