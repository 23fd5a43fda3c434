import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Logger } from "@tautline/daemon";
import { createApiApp } from "../api/api-app.ts";
import type { ApiDeps } from "../api/api-deps.ts";
import { mountHealth, type HealthDeps } from "../api/health-routes.ts";
import { mountRoutes } from "../api/routes.ts";

/** The socket in central's data folder: whoever may open the file is an administrator, so its mode is 0600. */
export interface AdminSocket {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface AdminSocketDeps {
  readonly path: string;
  readonly api: ApiDeps;
  readonly health: HealthDeps;
  readonly log: Logger;
}

/** Builds the admin socket. */
export async function createAdminSocket(deps: AdminSocketDeps): Promise<AdminSocket> {
  const http = createServer();
  const app = createApiApp({ log: deps.log, server: http });
  mountHealth(app, deps.health);
  mountRoutes(app, deps.api);
  await app.ready();
  return {
    start: async () => {
      // The database is held by this process alone, so a socket file is the rest of an earlier run.
      rmSync(deps.path, { force: true });
      await new Promise<void>((resolve, reject) => {
        http.once("error", reject);
        http.listen({ path: deps.path }, resolve);
      });
      chmodSync(deps.path, 0o600);
    },
    stop: async () => {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeAllConnections();
      await closed;
      await app.close();
      rmSync(deps.path, { force: true });
    },
  };
}
