import type { KeyRing, LiveKey } from "../keys/key-ring.ts";
import type { Caller } from "./caller.ts";
import type { Session } from "./session.ts";

/**
 * Notes with each answered message by which version of a shared key the agent came, so that a rotation shows who still uses the
 * old one. A message that was refused notes nothing.
 *
 * @param keys takes the notes
 * @param caller whose session it is
 * @param session answers its messages
 */
export function notingKeyUse(
  keys: Pick<KeyRing, "noteUse">,
  caller: Caller,
  session: Session,
): Session {
  const key = keyOf(caller);
  const { remoteAddress, evidence } = caller;
  const { level } = evidence;
  if (key === undefined || (level !== "basic" && level !== "advanced")) return session;
  return {
    get agentId() {
      return session.agentId;
    },
    isEnded: () => session.isEnded(),
    push: () => session.push(),
    receive: async (bytes) => {
      const answer = await session.receive(bytes);
      const { agentId } = session;
      if (agentId !== undefined) keys.noteUse(key, { agentId, level, remoteAddress });
      return answer;
    },
  };
}

function keyOf(caller: Caller): LiveKey | undefined {
  return caller.kind === "agent" || caller.kind === "claim" ? caller.key : undefined;
}
