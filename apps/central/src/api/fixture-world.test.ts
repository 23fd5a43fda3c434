/* Equipment: a central with one of everything in each of two namespaces, and a request for every route. No tests of its own. */
import { X509Certificate } from "node:crypto";
import { serialOf } from "@tautline/pki";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  joinOver,
  newToken,
  openControl,
  type TestCentral,
} from "../fixture-central.test.ts";
import type { ListedRoute } from "./fixture-operators.test.ts";

/** One of everything that belongs to a namespace. */
export interface Things {
  readonly namespace: string;
  readonly token: string;
  readonly agent: string;
  readonly link: string;
  readonly serial: string;
  readonly operator: string;
}

/** Things that are nowhere, of the form they should have. */
export const MISSING: Things = {
  namespace: "nowhere",
  token: "0000000000000000",
  agent: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
  link: "00000000-0000-4000-8000-000000000000",
  serial: "00",
  operator: "no-one",
};

/** Fills a namespace that is there. */
export async function fillNamespace(central: TestCentral, namespace: string): Promise<Things> {
  const token = await newToken(central, { namespace });
  const agent = await joinOver(central, { namespace, name: `web-${namespace}` });
  const link = await openControl(central, agent);
  link.send(messageOf(agent.id, 1, described()));
  await link.next();
  const links = await admin<{ items: { id: string }[] }>(
    central,
    "GET",
    `/api/v1/links?agent=${agent.id}`,
  );
  const operator = `target-${namespace}`;
  const order = { name: operator, role: "viewer", namespace };
  await admin(central, "POST", "/api/v1/operators", order);
  const setting = { namespace, key: "agents.heartbeatSeconds", value: "20" };
  await admin(central, "PUT", "/api/v1/settings", setting);
  return {
    namespace,
    token: token.tokenId,
    agent: agent.id,
    link: links.items[0]?.id ?? "",
    serial: serialOf(new X509Certificate(agent.identity.chainPem)),
    operator,
  };
}

/** One request for a route. */
export interface Sample {
  readonly path: string;
  readonly body?: unknown;
}

type MakeSample = (things: Things, fresh: string) => Sample;

const plain =
  (path: string): MakeSample =>
  () => ({ path });
const setting = { key: "agents.heartbeatSeconds" };

/** A request for every route, about some things; `fresh` is a name that nothing has yet. */
export const SAMPLES: Readonly<Record<string, MakeSample>> = {
  "GET /healthz": plain("/healthz"),
  "GET /readyz": plain("/readyz"),
  "GET /metrics": plain("/metrics"),
  "GET /api/v1/status": plain("/api/v1/status"),
  "GET /api/v1/vault": plain("/api/v1/vault"),
  "GET /api/v1/whoami": plain("/api/v1/whoami"),
  "GET /api/v1/routes": plain("/api/v1/routes"),
  "GET /api/v1/openapi.json": plain("/api/v1/openapi.json"),
  "POST /api/v1/tokens": ({ namespace }) => ({ path: "/api/v1/tokens", body: { namespace } }),
  "GET /api/v1/tokens": plain("/api/v1/tokens"),
  "POST /api/v1/tokens/:id/revoke": ({ token }) => ({ path: `/api/v1/tokens/${token}/revoke` }),
  "GET /api/v1/agents": plain("/api/v1/agents"),
  "GET /api/v1/agents/:id": ({ agent }) => ({ path: `/api/v1/agents/${agent}` }),
  "POST /api/v1/agents/:id/revoke": ({ agent }) => ({ path: `/api/v1/agents/${agent}/revoke` }),
  "GET /api/v1/links": plain("/api/v1/links"),
  "GET /api/v1/links/history": plain("/api/v1/links/history"),
  "GET /api/v1/links/strangers": plain("/api/v1/links/strangers"),
  "GET /api/v1/links/:id": ({ link }) => ({ path: `/api/v1/links/${link}` }),
  "GET /api/v1/namespaces": plain("/api/v1/namespaces"),
  "GET /api/v1/namespaces/:name": ({ namespace }) => ({ path: `/api/v1/namespaces/${namespace}` }),
  "POST /api/v1/namespaces": (_things, fresh) => ({
    path: "/api/v1/namespaces",
    body: { name: fresh },
  }),
  "GET /api/v1/settings": plain("/api/v1/settings"),
  "PUT /api/v1/settings": ({ namespace }) => ({
    path: "/api/v1/settings",
    body: { ...setting, namespace, value: "20" },
  }),
  "DELETE /api/v1/settings": ({ namespace }) => ({
    path: `/api/v1/settings?namespace=${namespace}&key=${setting.key}`,
  }),
  "GET /api/v1/certificates": plain("/api/v1/certificates"),
  "GET /api/v1/certificates/:serial": ({ serial }) => ({ path: `/api/v1/certificates/${serial}` }),
  "GET /api/v1/authorities": plain("/api/v1/authorities"),
  "GET /api/v1/audit": plain("/api/v1/audit"),
  "GET /api/v1/audit/verify": plain("/api/v1/audit/verify"),
  "POST /api/v1/operators": (_things, fresh) => ({
    path: "/api/v1/operators",
    body: { name: fresh, role: "viewer" },
  }),
  "GET /api/v1/operators": plain("/api/v1/operators"),
  "POST /api/v1/operators/:name/disable": ({ operator }) => ({
    path: `/api/v1/operators/${operator}/disable`,
  }),
};

/** A route's name in `SAMPLES`. */
export const routeName = ({ method, path }: Pick<ListedRoute, "method" | "path">): string =>
  `${method} ${path}`;
