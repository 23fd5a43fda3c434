import { decodeAgentToServer, LIMITS, type ServerToAgent, TautlineError } from "@tautline/protocol";
import { grantAnswer, type GrantDeps } from "../enrolment/grant.ts";
import { renew, type RenewalOrder, type RenewDeps } from "../enrolment/renew.ts";
import { renewalOrderOf } from "../enrolment/renewal-message.ts";
import { plainAnswer } from "./answer.ts";
import type { LapsedCaller } from "./caller.ts";
import { claimedSender } from "./message-sender.ts";
import type { Session } from "./session.ts";
import { waitAnswer } from "./wait-answer.ts";

/** What renewing needs, in whatever session it is asked for. */
export interface RenewalSessionDeps {
  readonly renewal: RenewDeps;
  readonly grant: GrantDeps;
}

/**
 * Begins the session of an agent whose certificate has expired: it may ask for its next identity and nothing else (F5).
 *
 * @param deps central's parts
 * @param caller the agent
 */
export function createRenewalSession(deps: RenewalSessionDeps, caller: LapsedCaller): Session {
  const { agentId, serial, expiredAtMs } = caller;
  let ended = false;
  return {
    agentId,
    isEnded: () => ended,
    push: async () => undefined,
    receive: async (bytes) => {
      const message = decodeAgentToServer(bytes, LIMITS.opampUnprovenMessageBytes.value);
      const claimed = claimedSender(message);
      if (claimed !== agentId)
        throw new TautlineError("opamp.not_your_id", { detail: { claimed } });
      if (message.agentDisconnect !== undefined) {
        ended = true;
        return plainAnswer(agentId);
      }
      const order = renewalOrderOf(message, { agentId, serial });
      if (order !== undefined) return answerRenewal(deps, caller, order);
      const expiredAt = new Date(expiredAtMs).toISOString();
      throw new TautlineError("admission.renew_only", { detail: { expiredAt } });
    },
  };
}

/** That it waits is an answer and no refusal: nothing of it is counted or audited each time. */
async function answerRenewal(
  deps: RenewalSessionDeps,
  { agentId, expiredAtMs, isLate, remoteAddress }: LapsedCaller,
  order: RenewalOrder,
): Promise<ServerToAgent> {
  const late = isLate ? { late: { expiredAtMs, remoteAddress } } : {};
  try {
    return grantAnswer(deps.grant, await renew(deps.renewal, { ...order, ...late }));
  } catch (error) {
    return waitAnswer(error, agentId);
  }
}
