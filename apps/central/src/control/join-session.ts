import {
  type AgentToServer,
  CAPABILITY_ENROLMENT,
  decodeAgentToServer,
  decodeEnrolmentRequest,
  type EnrolmentRequest,
  LIMITS,
  type ServerToAgent,
  TautlineError,
} from "@tautline/protocol";
import { clientCsrOf } from "../enrolment/client-csr.ts";
import { enrol, type EnrolDeps } from "../enrolment/enrol.ts";
import { grantAnswer, type GrantDeps } from "../enrolment/grant.ts";
import type { EnrolmentQueue } from "../herd/herd.ts";
import type { CentralMetrics } from "../metrics.ts";
import { plainAnswer } from "./answer.ts";
import type { TokenCaller } from "./caller.ts";
import { claimedSender } from "./message-sender.ts";
import type { Session } from "./session.ts";
import { statusChangeOf } from "./status-change.ts";
import { waitAnswer } from "./wait-answer.ts";

/** What a joining caller's session needs. */
export interface JoinSessionDeps {
  readonly enrolment: EnrolDeps;
  readonly grant: GrantDeps;
  readonly metrics: CentralMetrics;
  readonly queue: Pick<EnrolmentQueue, "inTurn">;
}

/**
 * Begins the session of a caller that has only a join token: it may ask for an identity and nothing else.
 *
 * @param deps central's parts
 * @param caller the token's holder
 */
export function createJoinSession(deps: JoinSessionDeps, caller: TokenCaller): Session {
  let agentId: string | undefined;
  let ended = false;
  return {
    get agentId() {
      return agentId;
    },
    isEnded: () => ended,
    push: async () => undefined,
    receive: async (bytes) => {
      const message = decodeAgentToServer(bytes, LIMITS.opampUnprovenMessageBytes.value);
      agentId = claimedSender(message);
      if (message.agentDisconnect !== undefined) {
        ended = true;
        return plainAnswer(agentId);
      }
      return answerJoin(deps, caller, agentId, message);
    },
  };
}

async function answerJoin(
  { enrolment, grant, metrics, queue }: JoinSessionDeps,
  { token, remoteAddress }: TokenCaller,
  agentId: string,
  message: AgentToServer,
): Promise<ServerToAgent> {
  try {
    const request = {
      ...requestOf(message),
      agentId,
      clientCsrPem: clientCsrOf(message, "enrolment.request_malformed"),
      from: { attributes: statusChangeOf(message).attributes ?? {}, remoteAddress },
    };
    const enrolled = await queue.inTurn(remoteAddress, () => enrol(enrolment, token, request));
    metrics.enrolments.inc({ outcome: "joined" });
    return grantAnswer(grant, enrolled);
  } catch (error) {
    return waitOrThrow(metrics, error, agentId);
  }
}

/** A candidate that waits is answered, and not refused: nothing is audited each time it asks. */
function waitOrThrow(metrics: CentralMetrics, error: unknown, agentId: string): ServerToAgent {
  try {
    const answer = waitAnswer(error, agentId);
    metrics.enrolments.inc({ outcome: "waiting" });
    return answer;
  } catch (refusal) {
    metrics.enrolments.inc({ outcome: "refused" });
    throw refusal;
  }
}

function requestOf(message: AgentToServer): EnrolmentRequest {
  const custom = message.customMessage;
  if (custom?.capability !== CAPABILITY_ENROLMENT || custom.type !== "request") {
    throw malformed("the message carries no join request");
  }
  return decodeEnrolmentRequest(custom.data);
}

function malformed(reason: string): TautlineError {
  return new TautlineError("enrolment.request_malformed", { detail: { reason } });
}
