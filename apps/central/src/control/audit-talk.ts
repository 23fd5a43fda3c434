import {
  type AgentToServer,
  CAPABILITY_AUDIT,
  customMessage,
  decodeAuditHead,
  decodeForkReport,
  encodeCheckpointNews,
  type ServerToAgent,
} from "@tautline/protocol";
import type { Witness } from "../audit/witness.ts";

/** What is said of the audit trail in one session. It rides in answers alone, so a word more of it never causes a message more. */
export interface AuditTalk {
  /**
   * Takes what a message says of the trail.
   *
   * @throws audit.*
   */
  take(message: AgentToServer): Promise<void>;
  /** What the agent was not told yet, where it listens: the field of an answer that has room for it. */
  news(): Promise<Pick<ServerToAgent, "customMessage"> | undefined>;
}

/**
 * Begins the talk with one agent.
 *
 * @param witness what central knows of the trail
 * @param agentId the agent
 */
export function createAuditTalk(witness: Witness, agentId: string): AuditTalk {
  let listens = false;
  let told: number | undefined;
  return {
    take: async ({ customCapabilities, customMessage: custom }) => {
      if (customCapabilities !== undefined) {
        listens = customCapabilities.capabilities.includes(CAPABILITY_AUDIT);
      }
      if (custom?.capability !== CAPABILITY_AUDIT) return;
      if (custom.type === "head") {
        told = await witness.takeHead(agentId, decodeAuditHead(custom.data));
      } else if (custom.type === "fork") {
        await witness.takeFork(agentId, decodeForkReport(custom.data).seen);
      }
    },
    news: async () => {
      if (!listens || told === witness.newest()) return undefined;
      const next = await witness.newsAfter(told);
      if (next === undefined) return undefined;
      told = next.upTo;
      const data = encodeCheckpointNews(next.news);
      return { customMessage: customMessage(CAPABILITY_AUDIT, "checkpoints", data) };
    },
  };
}
