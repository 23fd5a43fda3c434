import type { Logger } from "@tautline/daemon";
import type { TautlineError } from "@tautline/protocol";
import { createQuietPeriod } from "../../audit/quiet-period.ts";
import { createLogAllowance } from "../../control/log-allowance.ts";
import type { CentralMetrics } from "../../metrics.ts";
import type { Sightings } from "../sightings.ts";
import type { ClaimMode } from "./claim.ts";

/** A claim that may not be made, or that cannot be read. */
export interface BeyondClaim {
  readonly error: TautlineError;
  readonly backend: string;
  readonly mode: ClaimMode;
  readonly claimant: string;
  readonly remoteAddress: string;
}

/** Counts them, and says in the log what is let through all the same. */
export interface ClaimReport {
  note(beyond: BeyondClaim): void;
}

const QUIET_MS = 24 * 3_600_000;
const MOST_REMEMBERED = 10_000;
/** Names are the callers' to make up, and a log is a disk too (A20). */
const LINES_A_MINUTE = 60;

/**
 * Makes the report. The same claim of the same claimant is one line a day; what is refused is logged as every refusal is.
 *
 * @param deps counters, memory, log, clock
 */
export function createClaimReport(deps: {
  readonly metrics: Pick<CentralMetrics, "receiverClaims">;
  readonly sightings: Pick<Sightings, "claimed">;
  readonly log: Pick<Logger, "warn">;
  readonly now: () => number;
}): ClaimReport {
  const { metrics, sightings, log, now } = deps;
  const quiet = createQuietPeriod({ quietMs: QUIET_MS, maxKeys: MOST_REMEMBERED, now });
  const allowance = createLogAllowance(LINES_A_MINUTE, now);
  return {
    note: ({ error, backend, mode, claimant, remoteAddress: from }) => {
      const isRefused = mode === "refuse";
      metrics.receiverClaims.inc({ backend, verdict: isRefused ? "refused" : "logged" });
      const claimed = claimedText(error);
      sightings.claimed({ claimant, backend, claimed, isRefused });
      if (isRefused || !quiet.isNews(`${claimant} ${backend} ${claimed}`)) return;
      const unlogged = allowance.take();
      if (unlogged === undefined) return;
      const { code, remedy, message } = error;
      log.warn({ code, backend, claimant, claimed, from, unlogged, remedy }, message);
    },
  };
}

function claimedText({ code, detail }: TautlineError): string {
  if (code !== "receiver.claim_refused") return `unreadable: ${String(detail["reason"])}`;
  return `${String(detail["kind"])} '${String(detail["claimed"])}'`;
}
