import type { Duplex } from "node:stream";
import type { Logger } from "@tautline/daemon";
import type { TautlineError } from "@tautline/protocol";
import type { LiveLinks } from "../control/live-links.ts";
import type { OpenConnections } from "../control/open-connections.ts";
import { judgeConnection, judgeStanding } from "./caller-judge.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import type { SecuredConnection } from "./secured-connection.ts";

/** Where whoever is here can be found. */
export interface ShowOutDeps {
  readonly live: Pick<LiveLinks, "all">;
  readonly connections: OpenConnections;
  readonly log: Logger;
}

/**
 * Ends, with the reason, what the settings no longer allow; whatever else there is goes on untouched.
 *
 * @param deps links and connections of this process
 * @param settings that hold now
 * @param served every connection on which HTTP is served
 */
export function showOut(
  { live, connections, log }: ShowOutDeps,
  settings: ListenerSettings,
  served: ReadonlyMap<Duplex, SecuredConnection>,
): void {
  // First: who is being judged by older settings now, and is in no table yet, is judged again.
  connections.judgeAgain();
  const ending = (
    what: { end(reason: TautlineError): void },
    reason: TautlineError | undefined,
    from: string,
  ): void => {
    if (reason === undefined) return;
    log.info({ code: reason.code, from, remedy: reason.remedy }, reason.message);
    what.end(reason);
  };
  for (const connection of connections.all()) {
    const { caller, isElsewhere } = connection;
    if (isElsewhere) continue;
    ending(connection, judgeStanding(settings, caller), caller.remoteAddress);
  }
  for (const link of live.all()) {
    // Polling goes over connections that come and go; a WebSocket is told once, by the first of the two.
    ending(link, judgeStanding(settings, { kind: "agent", ...link }), link.remoteAddress);
  }
  for (const [stream, connection] of served) {
    if (connections.has(stream)) continue;
    // Who has not asked for anything yet is told when it asks, where its level is heard at all.
    if (judgeConnection(settings, connection) !== undefined) stream.destroy();
  }
}
