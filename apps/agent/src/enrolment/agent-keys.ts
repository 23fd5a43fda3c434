import { createKeyPair, exportPrivateKey } from "@tautline/pki";
import type { AgentKeys } from "../settings/agent-state.ts";

/** Makes the agent's two P-256 keys; they are sealed on disk before any request goes out (F3). */
export function createAgentKeys(): AgentKeys {
  return {
    client: exportPrivateKey(createKeyPair("p256").privateKey),
    server: exportPrivateKey(createKeyPair("p256").privateKey),
  };
}
