import type { Logger } from "@tautline/daemon";
import type { TautlineError } from "@tautline/protocol";
import type { LiveLinks } from "../control/live-links.ts";
import type { OpenConnections } from "../control/open-connections.ts";
import type { CentralMetrics } from "../metrics.ts";
import { judgeCallerUnderPolicy, judgeUnderPolicy, type JudgingBook } from "./policy-judge.ts";

/** Where whoever is here can be found. */
export interface EnforcementDeps {
  readonly book: JudgingBook;
  readonly live: Pick<LiveLinks, "all">;
  readonly connections: Pick<OpenConnections, "judgeAgain" | "all">;
  readonly metrics: Pick<CentralMetrics, "policyEnded">;
  readonly log: Logger;
}

/**
 * Ends, with the reason, every link that the policy of its namespace no longer allows, and the streams it carries; whatever else
 * there is goes on untouched. Called after each change of the book.
 *
 * @param deps book, links and connections of this process
 */
export function enforcePolicy({ book, live, connections, metrics, log }: EnforcementDeps): void {
  // First: who is being judged by the older policy now, and is in no table yet, is judged again.
  connections.judgeAgain();
  const told = new Set<string>();
  const ending = (
    what: { end(reason: TautlineError): void },
    reason: TautlineError | undefined,
    { agent, kind }: { readonly agent: string | undefined; readonly kind: string },
  ): void => {
    if (reason === undefined) return;
    what.end(reason);
    // A link and its connection are one to whoever reads or counts.
    const key = `${agent ?? ""} ${kind}`;
    if (agent !== undefined && told.has(key)) return;
    told.add(key);
    const { code, message, remedy } = reason;
    metrics.policyEnded.inc({ code });
    log.info({ agent, kind, code, remedy }, message);
  };
  for (const connection of connections.all()) {
    const { caller, kind } = connection;
    const agent = caller.kind === "agent" ? caller.agent.id : connection.agentId();
    ending(connection, judgeCallerUnderPolicy(book, caller, { kind, agentId: agent }), {
      agent,
      kind,
    });
  }
  for (const link of live.all()) {
    // Polling goes over connections that come and go; a WebSocket is told once, by the first of the two.
    const { agentId: agent } = link;
    ending(link, judgeUnderPolicy(book, { ...link, kind: "control" }), { agent, kind: "control" });
  }
}
