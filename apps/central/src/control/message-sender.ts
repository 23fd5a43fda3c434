import {
  agentIdFromBytes,
  type AgentToServer,
  isTautlineError,
  TautlineError,
} from "@tautline/protocol";

/**
 * Reads whom a message says to be from.
 *
 * @param message a decoded message
 * @returns an agent id; a claim until it is compared with the link's own identity
 * @throws opamp.malformed
 */
export function claimedSender(message: Pick<AgentToServer, "instanceUid">): string {
  try {
    return agentIdFromBytes(message.instanceUid);
  } catch (cause) {
    if (!isTautlineError(cause)) throw cause;
    const reason = "its instance_uid is not a UUID of version 7 in 16 bytes";
    throw new TautlineError("opamp.malformed", { cause, detail: { reason } });
  }
}
