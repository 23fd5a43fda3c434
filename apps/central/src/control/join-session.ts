import {
  agentIdFromBytes,
  type AgentToServer,
  CAPABILITY_ENROLMENT,
  decodeAgentToServer,
  decodeEnrolmentRequest,
  type EnrolmentRequest,
  LIMITS,
  type ServerToAgent,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { enrol, type EnrolDeps } from "../enrolment/enrol.ts";
import { grantAnswer, type GrantDeps } from "../enrolment/grant.ts";
import type { CentralMetrics } from "../metrics.ts";
import { plainAnswer } from "./answer.ts";
import type { TokenCaller } from "./caller.ts";
import type { Session } from "./session.ts";

export interface JoinSessionDeps {
  readonly enrolment: EnrolDeps;
  readonly grant: GrantDeps;
  readonly audit: AuditLog;
  readonly metrics: CentralMetrics;
}

/**
 * Begins the session of a caller that has only a join token: it may ask for an identity and nothing else.
 *
 * @param deps central's parts
 * @param caller the token's holder
 */
export function createJoinSession(deps: JoinSessionDeps, caller: TokenCaller): Session {
  let ended = false;
  return {
    agentId: undefined,
    isEnded: () => ended,
    push: async () => undefined,
    receive: async (bytes) => {
      const message = decodeAgentToServer(bytes, LIMITS.opampUnprovenMessageBytes.value);
      const agentId = agentIdFromBytes(message.instanceUid);
      if (message.agentDisconnect !== undefined) {
        ended = true;
        return plainAnswer(agentId);
      }
      return answerJoin(deps, caller, agentId, message);
    },
  };
}

async function answerJoin(
  deps: JoinSessionDeps,
  { token, remoteAddress }: TokenCaller,
  agentId: string,
  message: AgentToServer,
): Promise<ServerToAgent> {
  try {
    const request = { ...requestOf(message), agentId, clientCsrPem: clientCsrOf(message) };
    const enrolled = await enrol(deps.enrolment, token, request);
    deps.metrics.enrolments.inc({ outcome: "joined" });
    return grantAnswer(deps.grant, enrolled);
  } catch (thrown) {
    const error = toTautlineError(thrown);
    deps.metrics.enrolments.inc({ outcome: "refused" });
    const detail = { code: error.code, from: remoteAddress };
    await deps.audit.record({
      action: "token.refused",
      actor: `token:${token.id}`,
      subject: `agent:${agentId}`,
      detail,
    });
    throw error;
  }
}

function requestOf(message: AgentToServer): EnrolmentRequest {
  const custom = message.customMessage;
  if (custom?.capability !== CAPABILITY_ENROLMENT || custom.type !== "request") {
    throw malformed("the message carries no join request");
  }
  return decodeEnrolmentRequest(custom.data);
}

function clientCsrOf(message: AgentToServer): string {
  const csr = message.connectionSettingsRequest?.opamp?.certificateRequest?.csr;
  if (csr === undefined || csr.length === 0)
    throw malformed("the message carries no certificate request");
  if (csr.length > LIMITS.csrBytes.value)
    throw malformed(`the certificate request has ${csr.length} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(csr);
  } catch {
    throw malformed("the certificate request is not PEM text");
  }
}

function malformed(reason: string): TautlineError {
  return new TautlineError("enrolment.request_malformed", { detail: { reason } });
}
