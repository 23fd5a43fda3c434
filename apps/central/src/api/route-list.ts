import type { OperatorRole } from "@tautline/protocol";
import type { Demand, Reach } from "../operators/access-rule.ts";
import type { VerbFacts } from "./verb.ts";

/** One route of the console port, and who may ask for it. */
export interface RouteView {
  readonly method: string;
  readonly path: string;
  /** `none`: anybody. */
  readonly role: OperatorRole | "none";
  readonly reach: Reach;
}

/** What `/metrics` asks of a caller from another host: its figures are those of every namespace. */
export const METRICS_DEMAND: Demand = { role: "viewer", reach: "central" };

const HEALTH: readonly RouteView[] = [
  { method: "GET", path: "/healthz", role: "none", reach: "nothing" },
  { method: "GET", path: "/readyz", role: "none", reach: "nothing" },
  { method: "GET", path: "/metrics", ...METRICS_DEMAND },
];

/**
 * Lists every route and the role it asks for; a test compares it with what is really mounted (A1).
 *
 * @param verbs the verbs of the API
 */
export function listRoutes(verbs: readonly VerbFacts[]): readonly RouteView[] {
  return [
    ...HEALTH,
    ...verbs.map(({ method, path, role, reach }) => ({ method, path, role, reach })),
  ];
}
