import type { Logger } from "@tautline/daemon";
import { type LinkEvidence, toTautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { CentralMetrics } from "../metrics.ts";

/** Where a refused caller came from. */
export interface RefusedCaller {
  readonly evidence: LinkEvidence;
  readonly remoteAddress: string;
}

/** Remembers refusals: each is counted and logged, those of a proven identity are audited. */
export interface Refusals {
  note(error: unknown, caller: RefusedCaller): Promise<void>;
}

export interface RefusalDeps {
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
}

const QUIET_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/**
 * Builds the memory of refusals. Strangers can call as often as they like, so theirs never touch the disk (A20),
 * and the same refusal of the same identity is audited at most once a minute.
 */
export function createRefusals({ audit, log, metrics, now }: RefusalDeps): Refusals {
  const lastAudited = new Map<string, number>();
  const isNews = (key: string): boolean => {
    const nowMs = now();
    if (nowMs - (lastAudited.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return false;
    if (lastAudited.size >= MAX_REMEMBERED) lastAudited.clear();
    lastAudited.set(key, nowMs);
    return true;
  };
  return {
    note: async (thrown, { evidence, remoteAddress }) => {
      const error = toTautlineError(thrown);
      metrics.refusals.inc({ code: error.code });
      log.warn(
        { code: error.code, from: remoteAddress, peer: evidence.peerId, remedy: error.remedy },
        error.message,
      );
      const who = evidence.clientProven ? evidence.peerId : null;
      if (who === null || !isNews(`${who} ${error.code}`)) return;
      const detail = { code: error.code, from: remoteAddress };
      await audit.record({ action: "link.refused", actor: who, subject: "central", detail });
    },
  };
}
