import { CONTROL_PATH } from "../control/control-path.ts";
import type { RouteRole, RouteView } from "./api-deps.ts";

/** Every verb of central's ports and the role it asks for; a test compares it with what is really mounted (A1). */
export function listRoutes(): readonly RouteView[] {
  return ROUTES;
}

const admin = (method: string, path: string): RouteView => onConsole(method, path, "admin");

function onConsole(method: string, path: string, role: RouteRole): RouteView {
  return { port: "console", method, path, role };
}

const ROUTES: readonly RouteView[] = [
  // As WebSocket, and as plain HTTP.
  { port: "agents", method: "GET", path: CONTROL_PATH, role: "agent" },
  { port: "agents", method: "POST", path: CONTROL_PATH, role: "agent" },
  onConsole("GET", "/healthz", "none"),
  onConsole("GET", "/readyz", "none"),
  onConsole("GET", "/metrics", "local"),
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
