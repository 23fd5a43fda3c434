import type { RouteView } from "./api-deps.ts";

/**
 * Every verb of central's HTTP API and the role it asks for; a test compares it with what is really mounted (A1).
 */
export function listRoutes(): readonly RouteView[] {
  return ROUTES;
}

const admin = (method: string, path: string): RouteView => ({ method, path, role: "admin" });
const open = (path: string): RouteView => ({ method: "GET", path, role: "none" });

const ROUTES: readonly RouteView[] = [
  open("/healthz"),
  open("/readyz"),
  admin("GET", "/metrics"),
  admin("GET", "/api/v1/status"),
  admin("GET", "/api/v1/vault"),
  admin("GET", "/api/v1/routes"),
  admin("POST", "/api/v1/tokens"),
  admin("GET", "/api/v1/tokens"),
  admin("POST", "/api/v1/tokens/:id/revoke"),
  admin("GET", "/api/v1/agents"),
  admin("GET", "/api/v1/agents/:id"),
  admin("POST", "/api/v1/agents/:id/revoke"),
  admin("GET", "/api/v1/links"),
  admin("GET", "/api/v1/links/:id"),
  admin("GET", "/api/v1/namespaces"),
  admin("GET", "/api/v1/namespaces/:name"),
  admin("POST", "/api/v1/namespaces"),
  admin("GET", "/api/v1/settings"),
  admin("PUT", "/api/v1/settings"),
  admin("DELETE", "/api/v1/settings"),
  admin("GET", "/api/v1/certificates"),
  admin("GET", "/api/v1/certificates/:serial"),
  admin("GET", "/api/v1/authorities"),
  admin("GET", "/api/v1/audit"),
  admin("GET", "/api/v1/audit/verify"),
];
