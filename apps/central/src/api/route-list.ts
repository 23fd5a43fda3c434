import { FORWARD_PATH, RECEIVER_PATH } from "@tautline/link";
import type { OperatorRole } from "@tautline/protocol";
import { CONTROL_PATH } from "../control/control-path.ts";
import type { Demand, Reach } from "../operators/access-rule.ts";
import { CRL_PATH } from "./crl-routes.ts";
import type { VerbFacts } from "./verb.ts";

/** One verb of central's ports, and who may ask for it. */
export interface RouteView {
  readonly port: "agents" | "console";
  readonly method: string;
  readonly path: string;
  /** `none`: anybody; `agent`: an agent's certificate, or a join token to become one; else an operator of this role. */
  readonly role: OperatorRole | "agent" | "none";
  readonly reach: Reach;
}

/** What `/metrics` asks of callers that are not on central's own host: its figures are those of every namespace. */
export const METRICS_DEMAND: Demand = { role: "viewer", reach: "central" };

const OTHERS: readonly RouteView[] = [
  // As WebSocket, and as plain HTTP.
  { port: "agents", method: "GET", path: CONTROL_PATH, role: "agent", reach: "nothing" },
  { port: "agents", method: "POST", path: CONTROL_PATH, role: "agent", reach: "nothing" },
  { port: "agents", method: "GET", path: FORWARD_PATH, role: "agent", reach: "nothing" },
  { port: "agents", method: "GET", path: RECEIVER_PATH, role: "agent", reach: "nothing" },
  { port: "console", method: "GET", path: "/healthz", role: "none", reach: "nothing" },
  { port: "console", method: "GET", path: "/readyz", role: "none", reach: "nothing" },
  { port: "console", method: "GET", path: "/metrics", ...METRICS_DEMAND },
  { port: "console", method: "GET", path: CRL_PATH, role: "none", reach: "nothing" },
];

/**
 * Lists every route and the role it asks for; a test compares it with what is really mounted (A1).
 *
 * @param verbs the verbs of the API
 */
export function listRoutes(verbs: readonly VerbFacts[]): readonly RouteView[] {
  return [
    ...OTHERS,
    ...verbs.map(({ method, path, role, reach }) => ({
      port: "console" as const,
      method,
      path,
      role,
      reach,
    })),
  ];
}
