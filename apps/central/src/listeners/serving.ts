import type { Server as HttpServer } from "node:http";
import { type Level, TautlineError } from "@tautline/protocol";
import { acceptedLevels } from "./caller-judge.ts";
import type { Drainable } from "./drain.ts";
import { asRefusal, levelNotAccepted } from "./level-refusal.ts";
import { hearsLevel } from "./level-rule.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import { noteSecured, type SecuredConnection } from "./secured-connection.ts";

/** Serves HTTP on whatever was secured, and knows what it is served on. */
export interface Serving {
  readonly serve: (stream: Drainable, connection: SecuredConnection) => void;
  readonly served: ReadonlyMap<Drainable, SecuredConnection>;
}

/** What serving needs. */
export interface ServingDeps {
  readonly http: HttpServer;
  /** Those that hold when it is asked. */
  readonly settings: () => ListenerSettings;
  /** Whether a caller in plaintext is heard whatever is accepted, to be told where it can join. */
  readonly isReopenedTo: (remoteAddress: string) => boolean;
  readonly onFailed: (error: TautlineError, address: string, remoteAddress: string) => void;
}

/**
 * Makes the table of what HTTP is served on.
 *
 * @param deps the server, live settings, and who is told of what comes too late
 */
export function createServing(deps: ServingDeps): Serving {
  const { http, settings, onFailed } = deps;
  const served = new Map<Drainable, SecuredConnection>();
  return {
    served,
    serve: (stream, connection) => {
      const { level } = connection.evidence;
      // Judged once more: what was accepted when the handshake began may be so no longer.
      const isTold = level === "plaintext" && deps.isReopenedTo(connection.remoteAddress);
      if (!isTold && !isServed(settings(), level)) {
        stream.destroy();
        const address = connection.remoteAddress;
        const refusal = levelNotAccepted(level, acceptedLevels(settings()));
        const detail = { address, level, ...asRefusal(refusal) };
        onFailed(new TautlineError("link.level_closed", { detail }), address, address);
        return;
      }
      noteSecured(stream, connection);
      served.set(stream, connection);
      stream.once("close", () => served.delete(stream));
      http.emit("connection", stream);
    },
  };
}

/** A caller with TLS is told in HTTP what is wrong. */
function isServed(settings: ListenerSettings, level: Level): boolean {
  return level === "tls" || level === "mtls" || hearsLevel(level, acceptedLevels(settings));
}
