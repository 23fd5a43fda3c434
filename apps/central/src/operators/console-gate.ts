import type { Socket } from "node:net";
import type { Logger } from "@tautline/daemon";
import { parseOperatorToken, TautlineError } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import { createQuietPeriod } from "../audit/quiet-period.ts";
import { createLogAllowance } from "../control/log-allowance.ts";
import { createLoginGuard, type LoginAttempt } from "./login-guard.ts";
import type { OperatorStore } from "./operator-store.ts";
import { actorOf, type Principal } from "./principal.ts";

/** A request as far as the gate looks at it. */
export interface GateRequest {
  readonly authorization: string | undefined;
  readonly socket: Socket;
}

/** Decides who an operator's request comes from, and ends the connections of those who are disabled. */
export interface ConsoleGate {
  /**
   * Finds out whose request this is.
   *
   * @throws api.login_required without an operator's token, api.login_failed, api.login_limited
   */
  admit(request: GateRequest): Principal;
  /** Closes every connection that an operator's token was used on (A5). */
  endOperator(name: string): void;
  /** Gives a connection a way to be ended that tells its caller why, and cuts it within 2 s; without one it is just cut. */
  giveVoice(socket: Socket, end: (reason: TautlineError) => void): void;
}

/** What the gate needs. */
export interface ConsoleGateDeps {
  readonly operators: Pick<OperatorStore, "prove">;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly now: () => number;
}

/** RFC 9110 section 11.1: the scheme's name is case-insensitive. */
const BEARER = /^bearer ([^\s]{1,256})$/i;
const QUIET_MS = 60_000;
const MAX_REMEMBERED = 1_000;
const STRANGERS_LOG_LINES = 60;

/**
 * Builds the gate of the console port. The only login there is an operator's token: an agent's certificate or join token is none (A7).
 *
 * @param deps operators, trail, log and clock
 */
export function createConsoleGate(deps: ConsoleGateDeps): ConsoleGate {
  const guard = createLoginGuard(deps.now);
  const noteRefusal = createRefusalNotes(deps);
  const sockets = new Map<string, Set<Socket>>();
  const voices = new WeakMap<Socket, (reason: TautlineError) => void>();
  return {
    admit: ({ authorization, socket }) => {
      const token = parseOperatorToken(BEARER.exec(authorization ?? "")?.[1] ?? "");
      // What is no operator's token at all is no guess at one either.
      if (token === undefined) throw new TautlineError("api.login_required");
      const remoteAddress = socket.remoteAddress ?? "unknown";
      const attempt: LoginAttempt = { remoteAddress, tokenId: token.id };
      const waitMs = guard.waitMs(attempt);
      if (waitMs !== undefined) {
        const retryAfterSeconds = Math.ceil(waitMs / 1_000);
        throw new TautlineError("api.login_limited", { detail: { retryAfterSeconds } });
      }
      const proof = deps.operators.prove(token);
      if (!proof.ok) {
        guard.failed(attempt);
        noteRefusal(remoteAddress, proof.known);
        throw new TautlineError("api.login_failed");
      }
      guard.proved(attempt);
      keepSocket(sockets, proof.principal.name, socket);
      return proof.principal;
    },
    endOperator: (name) => {
      const reason = new TautlineError("forward.operator_ended", { detail: { name } });
      for (const socket of sockets.get(name) ?? []) {
        const end = voices.get(socket);
        if (end === undefined) socket.destroy();
        else end(reason);
      }
    },
    giveVoice: (socket, end) => void voices.set(socket, end),
  };
}

function keepSocket(sockets: Map<string, Set<Socket>>, name: string, socket: Socket): void {
  const own = sockets.get(name) ?? new Set();
  if (own.has(socket)) return;
  own.add(socket);
  sockets.set(name, own);
  socket.once("close", () => {
    own.delete(socket);
    if (own.size === 0 && sockets.get(name) === own) sockets.delete(name);
  });
}

/** Refusals of a token that was right once are audited, the same at most once a minute; strangers get a few lines of log (A20). */
function createRefusalNotes(
  deps: ConsoleGateDeps,
): (from: string, known: Principal | undefined) => void {
  const { audit, log, now } = deps;
  const quiet = createQuietPeriod({ quietMs: QUIET_MS, maxKeys: MAX_REMEMBERED, now });
  const strangers = createLogAllowance(STRANGERS_LOG_LINES, now);
  return (from, known) => {
    if (known === undefined) {
      const unlogged = strangers.take();
      if (unlogged !== undefined) log.warn({ from, unlogged }, "an unknown operator's token");
      return;
    }
    const actor = actorOf(known);
    if (!quiet.isNews(actor)) return;
    log.warn({ from, actor }, "an operator's token that is expired or disabled");
    audit
      .record({ action: "operator.refused", actor, subject: "central", detail: { from } })
      .catch((failure: unknown) => log.error({ err: failure }, "a refusal was not audited"));
  };
}
