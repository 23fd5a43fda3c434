import { approvalCode, importPrivateKey, spkiPin } from "@tautline/pki";
import type { AgentKeys } from "../settings/agent-state.ts";

/**
 * The code of this host's own keys, never what anybody says it is: the operator compares it with what central was asked to certify.
 *
 * @param keys the agent's own
 */
export function ownCode({ client, server }: AgentKeys): string {
  return approvalCode(spkiPin(importPrivateKey(client)), spkiPin(importPrivateKey(server)));
}
