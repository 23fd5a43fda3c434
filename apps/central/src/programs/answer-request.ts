import {
  type AgentToServer,
  CAPABILITY_CERTIFICATE,
  customMessage,
  decodeFileCertificateRequest,
  encodeFileCertificateAnswer,
  type FileCertificateRequest,
  isTautlineError,
  type ServerToAgent,
  type TautlineError,
} from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { plainAnswer } from "../control/answer.ts";
import type { ProgramIssuer } from "./program-issuer.ts";

/** What answering needs. */
export interface ProgramAnswerDeps {
  readonly issuer: Pick<ProgramIssuer, "issueForAgent">;
  readonly audit: AuditLog;
}

/** Answers one agent's requests, in one session. */
export interface ProgramAnswers {
  /** Tells whether a message asks for a program's certificate. */
  isAsked(message: AgentToServer): boolean;
  /**
   * Answers it: a certificate, or why there is none.
   *
   * @throws certificate.message_malformed, store.*
   */
  answer(message: AgentToServer): Promise<ServerToAgent>;
}

/** An agent that asks again and again for what it may not have fills no trail. */
const MOST_NOTED = 64;

/**
 * Begins to answer an agent.
 *
 * @param deps who issues, and the trail
 * @param agentId the agent that proved itself
 */
export function createProgramAnswers(deps: ProgramAnswerDeps, agentId: string): ProgramAnswers {
  const noted = new Set<string>();
  const note = async (request: FileCertificateRequest, { code }: TautlineError): Promise<void> => {
    const { label, names, use } = request;
    const what = `${code} ${label} ${use} ${names.join(", ")}`;
    if (noted.has(what) || noted.size >= MOST_NOTED) return;
    noted.add(what);
    await deps.audit.record({
      action: "certificate.refused",
      actor: `agent:${agentId}`,
      subject: `agent:${agentId}`,
      detail: { code, label, names: names.join(", "), use },
    });
  };
  return {
    isAsked: ({ customMessage: custom }) =>
      custom?.capability === CAPABILITY_CERTIFICATE && custom.type === "request",
    answer: async ({ customMessage: custom }) => {
      const request = decodeFileCertificateRequest(custom?.data ?? new Uint8Array());
      const { label, names, use, csrPem } = request;
      try {
        const { chainPem } = await deps.issuer.issueForAgent({ agentId, names, use, csrPem });
        return answerOf(agentId, { label, chainPem, code: "", text: "" });
      } catch (error) {
        // What is wrong with central is no refusal, and ends the message as it does any other.
        if (!isTautlineError(error) || error.status >= 500) throw error;
        await note(request, error);
        const text = `${error.message} ${error.remedy}`;
        return answerOf(agentId, { label, chainPem: "", code: error.code, text });
      }
    },
  };
}

function answerOf(
  agentId: string,
  answer: Parameters<typeof encodeFileCertificateAnswer>[0],
): ServerToAgent {
  const whole = plainAnswer(agentId);
  const data = encodeFileCertificateAnswer(answer);
  whole.customMessage = customMessage(CAPABILITY_CERTIFICATE, "answer", data);
  return whole;
}
