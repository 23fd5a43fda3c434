import type { Logger } from "@tautline/daemon";
import {
  type LinkEvidence,
  type LinkKind,
  parseSpiffeId,
  type TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import type { AuditEvent } from "../audit/audit-event.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { HistoryRecorder } from "../history/history-recorder.ts";
import type { CentralMetrics } from "../metrics.ts";
import { createLogAllowance } from "./log-allowance.ts";
import { createQuietPeriod } from "../audit/quiet-period.ts";

/** Who was refused, as far as it is known. */
export interface RefusedCaller {
  readonly evidence: LinkEvidence;
  readonly remoteAddress: string;
  /** The join token whose secret was proven. */
  readonly token?: { readonly id: string };
  /** The agent id that a token's holder asked for. */
  readonly agentId?: string | undefined;
  /** The agent that was proven to be there, also where nothing binds its proof to what it says (plaintext). */
  readonly provenId?: string | undefined;
  /** The telemetry client whose token was known, and has ended. */
  readonly client?: { readonly name: string } | undefined;
  /** What it came for, where that is not the control link. */
  readonly linkKind?: LinkKind | undefined;
  /** Whose expired certificate was shown, and its key proven. */
  readonly lapsed?: { readonly peerId: string } | undefined;
}

/** Remembers refusals: each is counted; those of a proven identity are audited, strangers' only logged. */
export interface Refusals {
  /** Never throws: a refusal stays a refusal when it cannot be written down. */
  note(error: unknown, caller: RefusedCaller): Promise<void>;
  /**
   * The same for a connection that failed before anybody could prove anything; strangers' lines of log are shared with these.
   *
   * @param error why
   * @param from host and port, for the log
   * @param remoteAddress the host alone, whose network is counted
   */
  noteFailed(error: TautlineError, from: string, remoteAddress: string): void;
}

/** What remembering refusals needs. */
export interface RefusalDeps {
  readonly audit: AuditLog;
  readonly history: Pick<HistoryRecorder, "refused" | "strangerRefused">;
  readonly log: Logger;
  readonly metrics: CentralMetrics;
  readonly now: () => number;
}

const QUIET_MS = 60_000;
const MAX_REMEMBERED = 10_000;
/** Lines a minute for all strangers together. */
export const STRANGERS_LOG_LINES = 60;

/**
 * Builds the memory of refusals. Strangers can call as often as they like, so theirs cause no write of their own (the history counts them once a minute) and get a few lines
 * of log a minute (A20); the same refusal of the same identity is written at most once a minute.
 *
 * @param deps trail, log, counters and clock
 */
export function createRefusals(deps: RefusalDeps): Refusals {
  const { audit, history, log, metrics, now } = deps;
  const quiet = createQuietPeriod({ quietMs: QUIET_MS, maxKeys: MAX_REMEMBERED, now });
  const strangers = createLogAllowance(STRANGERS_LOG_LINES, now);
  return {
    note: async (thrown, caller) => {
      const error = toTautlineError(thrown);
      metrics.refusals.inc({ code: error.code });
      try {
        history.refused(error, caller);
        const who = identityOf(caller) ?? claimedOf(error, caller);
        if (who === undefined) {
          const unlogged = strangers.take();
          if (unlogged !== undefined) logRefusal(log, error, caller, { unlogged });
        } else if (quiet.isNews(`${who.actor} ${who.subject} ${error.code}`)) {
          logRefusal(log, error, caller, { peer: who.actor });
          const detail = { code: error.code, from: caller.remoteAddress };
          await audit.record({ ...who, detail });
        }
      } catch (failure) {
        log.error({ err: failure }, "a refusal was not audited");
      }
    },
    noteFailed: (error, from, remoteAddress) => {
      const { code, message, remedy } = error;
      history.strangerRefused(error, remoteAddress);
      metrics.refusals.inc({ code });
      const unlogged = strangers.take();
      if (unlogged !== undefined) log.warn({ code, from, unlogged, remedy }, message);
    },
  };
}

/** What central did wrong itself is an error of the log, what the caller did wrong a warning. */
function logRefusal(
  log: Logger,
  error: TautlineError,
  caller: RefusedCaller,
  about: { readonly peer?: string; readonly unlogged?: number },
): void {
  const from = caller.remoteAddress;
  if (error.status >= 500) log.error({ err: error, from, ...about }, "a message was not handled");
  else log.warn({ code: error.code, from, ...about, remedy: error.remedy }, error.message);
}

function identityOf({
  evidence,
  token,
  agentId,
  lapsed,
  provenId,
  client,
}: RefusedCaller): Pick<AuditEvent, "action" | "actor" | "subject"> | undefined {
  if (token !== undefined) {
    const subject = agentId === undefined ? "central" : `agent:${agentId}`;
    return { action: "token.refused", actor: `token:${token.id}`, subject };
  }
  if (provenId !== undefined) {
    return { action: "link.refused", actor: `agent:${provenId}`, subject: "central" };
  }
  if (client !== undefined) {
    return { action: "client.refused", actor: `client:${client.name}`, subject: "central" };
  }
  const peerId = evidence.clientProven ? evidence.peerId : lapsed?.peerId;
  if (peerId === undefined || peerId === null) return undefined;
  const who = parseSpiffeId(peerId);
  const actor = who.kind === "agent" ? `agent:${who.agentId}` : "central";
  return { action: "link.refused", actor, subject: "central" };
}

/** Nobody is proven here, but somebody came under the id of an agent: its operator is to know. */
function claimedOf(
  { code }: TautlineError,
  { agentId, remoteAddress }: RefusedCaller,
): Pick<AuditEvent, "action" | "actor" | "subject"> | undefined {
  if (agentId === undefined || !CLAIMS_OF_OTHERS.has(code)) return undefined;
  const actor = `unproven:${remoteAddress}`;
  return { action: "claim.refused", actor, subject: `agent:${agentId}` };
}

const CLAIMS_OF_OTHERS: ReadonlySet<string> = new Set([
  "admission.id_enrolled",
  "admission.claim_differs",
  "admission.key_not_yours",
]);
