import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Logger } from "@tautline/daemon";
import { TautlineError } from "@tautline/protocol";
import { acceptJson, createApiApp } from "../api/api-app.ts";
import { mountHealth, type HealthDeps } from "../api/health-routes.ts";
import { mountRoutes } from "../api/routes.ts";
import { mountUpgrades, upgradeRule } from "../api/upgrades.ts";
import type { Verb } from "../api/verb.ts";
import { LOCAL_PRINCIPAL } from "../operators/principal.ts";

/** The socket in central's data folder: whoever may open the file is an administrator, so its mode is 0600. */
export interface AdminSocket {
  /** @throws central.admin_socket_failed */
  start(): Promise<void>;
  /** Finishes what is being answered, cuts what takes longer than a moment, and removes the socket. */
  stop(): Promise<void>;
}

/** What the admin socket needs. */
export interface AdminSocketDeps {
  readonly path: string;
  readonly verbs: readonly Verb[];
  readonly health: HealthDeps;
  readonly log: Logger;
}

const DRAIN_MS = 2_000;
/** What the kernel takes for a socket's path (sun_path in unix(7), less the final zero); Node cuts longer ones silently. */
const LONGEST_PATH_BYTES = 107;

/**
 * Builds the admin socket.
 *
 * @param deps its path and central's parts
 */
export async function createAdminSocket(deps: AdminSocketDeps): Promise<AdminSocket> {
  const { path, log, verbs } = deps;
  const http = createServer({ shouldUpgradeCallback: upgradeRule(verbs) });
  const app = createApiApp({ log, server: http });
  acceptJson(app);
  mountHealth(app, deps.health, () => undefined);
  mountRoutes(app, verbs, () => LOCAL_PRINCIPAL);
  mountUpgrades(http, { verbs, principalOf: () => LOCAL_PRINCIPAL, onTaken: () => {}, log });
  await app.ready();
  return {
    start: async () => {
      if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) throw failed(path, "the path is too long");
      try {
        // The database is held by this process alone, so a socket file is the rest of an earlier run.
        rmSync(path, { force: true });
        await new Promise<void>((resolve, reject) => {
          http.once("error", reject);
          http.listen({ path }, resolve);
        });
        chmodSync(path, 0o600);
      } catch (cause) {
        throw failed(path, (cause as NodeJS.ErrnoException).code ?? "unknown cause", cause);
      }
    },
    stop: async () => {
      const cut = setTimeout(() => http.closeAllConnections(), DRAIN_MS);
      await new Promise<void>((resolve) => http.close(() => resolve()));
      clearTimeout(cut);
      await app.close();
      rmSync(path, { force: true });
    },
  };
}

function failed(path: string, reason: string, cause?: unknown): TautlineError {
  return new TautlineError("central.admin_socket_failed", { cause, detail: { path, reason } });
}
