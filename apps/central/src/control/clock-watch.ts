import type { Logger } from "@tautline/daemon";
import { distanceText, isClockOff } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { createQuietPeriod } from "../audit/quiet-period.ts";

/** Names agents whose clocks are too far from central's (F8). */
export interface ClockWatch {
  /**
   * Takes what a proven agent says of its time; a claim of that agent about itself. Never rejects.
   *
   * @param agentId whose key was proven
   * @param offsetMs its clock minus central's
   * @param from its address
   */
  note(agentId: string, offsetMs: number, from: string): Promise<void>;
}

/** An agent that dials often is named once in so long. */
const QUIET_MS = 60 * 60_000;
const MAX_REMEMBERED = 10_000;

/**
 * Makes the watch.
 *
 * @param deps trail, log and clock
 */
export function createClockWatch({
  audit,
  log,
  now,
}: {
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly now: () => number;
}): ClockWatch {
  const quiet = createQuietPeriod({ quietMs: QUIET_MS, maxKeys: MAX_REMEMBERED, now });
  return {
    note: async (agentId, offsetMs, from) => {
      if (!isClockOff(offsetMs) || !quiet.isNews(agentId)) return;
      const seconds = Math.round(offsetMs / 1000);
      const where = `${distanceText(offsetMs)} ${offsetMs > 0 ? "ahead of" : "behind"}`;
      log.warn({ agent: agentId, from, seconds }, `an agent's clock is ${where} central's`);
      const who = `agent:${agentId}`;
      try {
        const detail = { seconds, from };
        await audit.record({ action: "agent.clock-off", actor: who, subject: who, detail });
      } catch (error) {
        log.error({ err: error }, "a clock that is off was not audited");
      }
    },
  };
}
