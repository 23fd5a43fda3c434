import { proofHeader } from "@tautline/link";
import type { AgentIdentity, AgentKeys } from "../settings/agent-state.ts";
import type { Dial } from "./transport.ts";

/** Who proves itself. */
export interface ProvingAgent {
  readonly identity: Pick<AgentIdentity, "clientChainPem" | "trustDomain">;
  readonly keys: Pick<AgentKeys, "client">;
}

/**
 * Makes a dial whose links below mtls can prove this agent's identity; at mtls the handshake did.
 *
 * @param dial reaches central
 * @param who identity and keys
 */
export function provingDial(dial: Dial, { identity, keys }: ProvingAgent): Dial {
  const { clientChainPem: chainPem, trustDomain } = identity;
  const who = { chainPem, keyPem: keys.client, trustDomain };
  return async (address, signal) => {
    const link = await dial(address, signal);
    const { level } = link.evidence;
    if (level === "mtls") return link;
    return { ...link, prove: (binding) => proofHeader(who, { level, binding }) };
  };
}
