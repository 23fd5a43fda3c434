/* Equipment: a central with one of everything in each of two namespaces, and a request for every route. No tests of its own. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { certificatesFromPem, createCsr, createKeyPair, serialOf } from "@tautline/pki";
import { described, joinMessage, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  type JoinedAgent,
  joinOver,
  newToken,
  openControl,
  openJoining,
  type TestCentral,
} from "../fixture-central.test.ts";
import { makeJoiner } from "../fixture-core.test.ts";
import type { ListedRoute } from "./fixture-operators.test.ts";

/** One of everything that belongs to a namespace. */
export interface Things {
  readonly namespace: string;
  readonly token: string;
  readonly agent: string;
  /** Waits for approval. */
  readonly candidate: string;
  /** To be quarantined and released. */
  readonly spare: string;
  /** To be replaced, and by whom. */
  readonly old: string;
  readonly heir: string;
  /** To be deleted. */
  readonly doomed: string;
  readonly link: string;
  readonly serial: string;
  readonly authority: string;
  readonly operator: string;
  /** A shared key; for a step of its rotation it is another one each time. */
  readonly key: string;
  /** A forward that is allowed; to be denied, it is another one each time. */
  readonly forward: string;
  /** A backend of telemetry, and a client; to be removed, it is another one each time. */
  readonly backend: string;
  readonly client: string;
  /** A name that programs of its agents may have; to be denied, it is another one each time. */
  readonly hostName: string;
  /** A change of policy that was undone, by its number. */
  readonly change: string;
  /** A re-opening of plaintext that has ended, by its number; it belongs to no namespace. */
  readonly reopening: string;
  /** A service of the agent that operators may open. */
  readonly service: string;
  /** Belongs to every namespace; empty unless the central was restored. */
  readonly fork: string;
}

const NO_AGENT = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

/** Things that are nowhere, of the form they should have. */
export const MISSING: Things = {
  namespace: "nowhere",
  token: "0000000000000000",
  agent: NO_AGENT,
  candidate: NO_AGENT,
  spare: NO_AGENT,
  old: NO_AGENT,
  heir: NO_AGENT,
  doomed: NO_AGENT,
  link: "00000000-0000-4000-8000-000000000000",
  serial: "00",
  authority: "00",
  operator: "no-one",
  key: "no-key",
  forward: "no-forward",
  backend: "no-backend",
  client: "no-client",
  hostName: "no-host",
  change: "987654321",
  reopening: "987654321",
  service: "no-service",
  fork: "0000000000000000",
};

/** Fills a namespace that is there. */
export async function fillNamespace(
  central: TestCentral,
  namespace: string,
  fork = "",
): Promise<Things> {
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
  const more = async (name: string): Promise<string> =>
    (await joinOver(central, { namespace, name })).id;
  return {
    namespace,
    token: token.tokenId,
    agent: agent.id,
    candidate: await addCandidate(central, namespace),
    spare: await more("spare"),
    old: await more("old"),
    heir: await more("heir"),
    doomed: await more("doomed"),
    link: links.items[0]?.id ?? "",
    serial: serialOf(new X509Certificate(agent.identity.chainPem)),
    authority: serialOf(issuerOf(agent)),
    operator,
    key: await addKey(central, namespace, `key-of-${namespace}`),
    forward: await addForward(central, namespace, `forward-of-${namespace}`),
    backend: await addBackend(central, namespace, `backend-of-${namespace}`),
    client: await addClient(central, namespace, `client-of-${namespace}`),
    hostName: await addHostName(central, namespace, `host-of-${namespace}`),
    change: await addChange(central, namespace),
    reopening: await addReopening(central),
    service: await addService(central, namespace, `service-of-${namespace}`),
    fork,
  };
}

/** Steps that a key must have gone before one of its routes can be asked. */
const STEPS_BEFORE: Readonly<Record<string, readonly string[]>> = {
  use: ["install"],
  undo: ["install"],
  remove: ["install", "use"],
};

/** Makes a key that stands where a step of its rotation begins. */
export async function addKey(
  central: TestCentral,
  namespace: string,
  name: string,
  step = "",
): Promise<string> {
  await admin(central, "POST", "/api/v1/keys", { name, namespace, value: "of-a-test" });
  for (const before of STEPS_BEFORE[step] ?? []) {
    const body = before === "install" ? { value: "another-of-a-test" } : {};
    await admin(central, "POST", `/api/v1/keys/${name}/${before}`, body);
  }
  return name;
}

/** Allows a forward to every agent of a namespace. */
export async function addForward(
  central: TestCentral,
  namespace: string,
  name: string,
): Promise<string> {
  const order = { name, namespace, target: "192.0.2.7:5432" };
  await admin(central, "POST", "/api/v1/forwards", order);
  return name;
}

/** Allows the programs of a namespace's agents a name. */
export async function addHostName(
  central: TestCentral,
  namespace: string,
  name: string,
): Promise<string> {
  await admin(central, "POST", "/api/v1/certificate-names", { namespace, names: [name] });
  return name;
}

/** Adds a backend of telemetry for a namespace, with a route of its own. */
export async function addBackend(
  central: TestCentral,
  namespace: string,
  name: string,
): Promise<string> {
  const order = { name, namespace, targets: ["192.0.2.7:11800"], routes: [`/${name}`] };
  await admin(central, "POST", "/api/v1/backends", order);
  return name;
}

/** Makes a client of telemetry. */
export async function addClient(
  central: TestCentral,
  namespace: string,
  name: string,
): Promise<string> {
  await admin(central, "POST", "/api/v1/clients", { name, namespace });
  await addClaims(central, `client:${name}`);
  return name;
}

/** Says what somebody's telemetry may claim to be. */
export async function addClaims(central: TestCentral, claimant: string): Promise<void> {
  await admin(central, "POST", "/api/v1/claimants", { claimant, services: ["*"] });
}

/** Changes the policy of a namespace and takes that back. */
async function addChange(central: TestCentral, namespace: string): Promise<string> {
  // What of its agents was not linked yet is unknown.
  const order = { namespace, accept: ["tls"], allowUnknown: true };
  const { id } = await admin<{ id: number }>(central, "POST", "/api/v1/policy/apply", order);
  await admin(central, "POST", "/api/v1/policy/undo", { namespace });
  const path = `/api/v1/policy/changes/${id}`;
  let step = "";
  // Central does that by its clock.
  while (step !== "undone") ({ step } = await admin<{ step: string }>(central, "GET", path));
  return String(id);
}

/** Opens plaintext to nobody who calls here, and closes it again. */
async function addReopening(central: TestCentral): Promise<string> {
  const path = "/api/v1/policy/reopenings";
  const { id } = await admin<{ id: number }>(central, "POST", path, REOPENING);
  await admin(central, "POST", `${path}/${id}/end`);
  return String(id);
}

const REOPENING = { from: ["203.0.113.0/24"], forMs: 1_000 };

/** Lets operators open a service of every agent of a namespace. */
async function addService(central: TestCentral, namespace: string, name: string): Promise<string> {
  const order = { name, namespace, direction: "in" };
  await admin(central, "POST", "/api/v1/forwards", order);
  return name;
}

async function addCandidate(central: TestCentral, namespace: string): Promise<string> {
  const joiner = makeJoiner("candidate");
  const link = await openJoining(central, await newToken(central, { namespace, approve: true }));
  link.send(joinMessage(joiner.request));
  await link.next();
  link.close();
  return joiner.id;
}

function issuerOf({ identity }: JoinedAgent): X509Certificate {
  const [, issuer] = certificatesFromPem(identity.chainPem);
  assert.ok(issuer);
  return issuer;
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
  "GET /crl/:file": ({ authority }) => ({ path: `/crl/${authority}.crl` }),
  "GET /api/v1/status": plain("/api/v1/status"),
  "GET /api/v1/vault": plain("/api/v1/vault"),
  "GET /api/v1/whoami": plain("/api/v1/whoami"),
  "GET /api/v1/routes": plain("/api/v1/routes"),
  "GET /api/v1/openapi.json": plain("/api/v1/openapi.json"),
  "POST /api/v1/tokens": ({ namespace }) => ({ path: "/api/v1/tokens", body: { namespace } }),
  "GET /api/v1/tokens": plain("/api/v1/tokens"),
  "POST /api/v1/tokens/:id/revoke": ({ token }) => ({ path: `/api/v1/tokens/${token}/revoke` }),
  "GET /api/v1/listeners": plain("/api/v1/listeners"),
  "PUT /api/v1/listeners/:name": () => ({ path: "/api/v1/listeners/agents", body: {} }),
  "POST /api/v1/policy/plan": ({ namespace }) => ({
    path: "/api/v1/policy/plan",
    body: { namespace, floor: "mtls" },
  }),
  "GET /api/v1/policy": plain("/api/v1/policy"),
  "POST /api/v1/policy/apply": ({ namespace }) => ({
    path: "/api/v1/policy/apply",
    body: { namespace, accept: ["basic"] },
  }),
  "POST /api/v1/policy/undo": ({ namespace }) => ({
    path: "/api/v1/policy/undo",
    body: { namespace },
  }),
  "GET /api/v1/policy/changes": plain("/api/v1/policy/changes"),
  "GET /api/v1/policy/changes/:id": ({ change }) => ({ path: `/api/v1/policy/changes/${change}` }),
  "GET /api/v1/policy/reopenings": plain("/api/v1/policy/reopenings"),
  "POST /api/v1/policy/reopenings": () => ({
    path: "/api/v1/policy/reopenings",
    body: REOPENING,
  }),
  "GET /api/v1/policy/reopenings/:id": ({ reopening }) => ({
    path: `/api/v1/policy/reopenings/${reopening}`,
  }),
  "POST /api/v1/policy/reopenings/:id/end": ({ reopening }) => ({
    path: `/api/v1/policy/reopenings/${reopening}/end`,
  }),
  "GET /api/v1/agents": plain("/api/v1/agents"),
  "GET /api/v1/agents/:id": ({ agent }) => ({ path: `/api/v1/agents/${agent}` }),
  "POST /api/v1/agents/:id/revoke": ({ agent }) => ({ path: `/api/v1/agents/${agent}/revoke` }),
  "POST /api/v1/agents/:id/approve": ({ candidate }) => ({
    path: `/api/v1/agents/${candidate}/approve`,
    body: {},
  }),
  "POST /api/v1/agents/:id/decline": ({ candidate }) => ({
    path: `/api/v1/agents/${candidate}/decline`,
  }),
  "POST /api/v1/agents/:id/quarantine": ({ spare }) => ({
    path: `/api/v1/agents/${spare}/quarantine`,
  }),
  "POST /api/v1/agents/:id/promote": ({ spare }) => ({ path: `/api/v1/agents/${spare}/promote` }),
  "POST /api/v1/agents/:id/move": ({ spare }) => ({
    path: `/api/v1/agents/${spare}/move`,
    body: { level: "mtls" },
  }),
  "POST /api/v1/agents/:id/release": ({ spare }) => ({ path: `/api/v1/agents/${spare}/release` }),
  "POST /api/v1/agents/:id/replace": ({ old, heir }) => ({
    path: `/api/v1/agents/${old}/replace`,
    body: { with: heir },
  }),
  "DELETE /api/v1/agents/:id": ({ doomed }) => ({ path: `/api/v1/agents/${doomed}?force=true` }),
  "GET /api/v1/links": plain("/api/v1/links"),
  "GET /api/v1/links/history": plain("/api/v1/links/history"),
  "GET /api/v1/links/strangers": plain("/api/v1/links/strangers"),
  "GET /api/v1/links/:id": ({ link }) => ({ path: `/api/v1/links/${link}` }),
  "POST /api/v1/keys": ({ namespace }, fresh) => ({
    path: "/api/v1/keys",
    body: { name: fresh, namespace, value: "of-a-test" },
  }),
  "GET /api/v1/keys": plain("/api/v1/keys"),
  "GET /api/v1/keys/:name": ({ key }) => ({ path: `/api/v1/keys/${key}` }),
  "POST /api/v1/keys/:name/export": ({ key }) => ({ path: `/api/v1/keys/${key}/export` }),
  "POST /api/v1/keys/:name/install": ({ key }) => ({
    path: `/api/v1/keys/${key}/install`,
    body: { value: "another-of-a-test" },
  }),
  "POST /api/v1/keys/:name/use": ({ key }) => ({ path: `/api/v1/keys/${key}/use`, body: {} }),
  "POST /api/v1/keys/:name/remove": ({ key }) => ({ path: `/api/v1/keys/${key}/remove`, body: {} }),
  "POST /api/v1/keys/:name/undo": ({ key }) => ({ path: `/api/v1/keys/${key}/undo`, body: {} }),
  "DELETE /api/v1/keys/:name": ({ key }) => ({ path: `/api/v1/keys/${key}` }),
  "POST /api/v1/forwards": ({ namespace }, fresh) => ({
    path: "/api/v1/forwards",
    body: { name: fresh, namespace, target: "192.0.2.7:5432" },
  }),
  "GET /api/v1/forwards": plain("/api/v1/forwards"),
  "GET /api/v1/forwards/:name": ({ namespace, forward }) => ({
    path: `/api/v1/forwards/${forward}?namespace=${namespace}`,
  }),
  "DELETE /api/v1/forwards/:name": ({ namespace, forward }) => ({
    path: `/api/v1/forwards/${forward}?namespace=${namespace}`,
  }),
  "POST /api/v1/backends": ({ namespace }, fresh) => ({
    path: "/api/v1/backends",
    body: { name: fresh, namespace, targets: ["192.0.2.7:11800"], routes: [`/${fresh}`] },
  }),
  "GET /api/v1/backends": plain("/api/v1/backends"),
  "GET /api/v1/backends/:name": ({ backend }) => ({ path: `/api/v1/backends/${backend}` }),
  "DELETE /api/v1/backends/:name": ({ backend }) => ({ path: `/api/v1/backends/${backend}` }),
  "POST /api/v1/clients": ({ namespace }, fresh) => ({
    path: "/api/v1/clients",
    body: { name: fresh, namespace },
  }),
  "GET /api/v1/clients": plain("/api/v1/clients"),
  "POST /api/v1/clients/:name/rotate": ({ client }) => ({
    path: `/api/v1/clients/${client}/rotate`,
    body: {},
  }),
  "DELETE /api/v1/clients/:name": ({ client }) => ({ path: `/api/v1/clients/${client}` }),
  "POST /api/v1/claimants": ({ namespace }) => ({
    path: "/api/v1/claimants",
    body: { claimant: `namespace:${namespace}`, services: ["shop-*"] },
  }),
  "GET /api/v1/claimants": plain("/api/v1/claimants"),
  "DELETE /api/v1/claimants": ({ namespace }) => ({
    path: `/api/v1/claimants?claimant=namespace:${namespace}`,
  }),
  "GET /api/v1/receiver": plain("/api/v1/receiver"),
  "GET /api/v1/agents/:id/services/:name": ({ agent, service }) => ({
    path: `/api/v1/agents/${agent}/services/${service}`,
  }),
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
  "POST /api/v1/certificates": ({ namespace, hostName }) => ({
    path: "/api/v1/certificates",
    body: {
      csr: createCsr(createKeyPair("p256").privateKey),
      names: [hostName],
      namespace,
    },
  }),
  "GET /api/v1/certificate-names": plain("/api/v1/certificate-names"),
  "POST /api/v1/certificate-names": ({ namespace }, fresh) => ({
    path: "/api/v1/certificate-names",
    body: { namespace, names: [`${fresh}.example.org`] },
  }),
  "DELETE /api/v1/certificate-names": ({ namespace, hostName }) => ({
    path: `/api/v1/certificate-names?namespace=${namespace}&name=${hostName}`,
  }),
  "GET /api/v1/trust": plain("/api/v1/trust"),
  "GET /api/v1/certificates/:serial": ({ serial }) => ({ path: `/api/v1/certificates/${serial}` }),
  "POST /api/v1/certificates/:serial/revoke": ({ serial }) => ({
    path: `/api/v1/certificates/${serial}/revoke`,
    body: { reason: "superseded" },
  }),
  "GET /api/v1/authorities": plain("/api/v1/authorities"),
  "GET /api/v1/authorities/:id/crl": ({ authority }) => ({
    path: `/api/v1/authorities/${authority}/crl`,
  }),
  "GET /api/v1/audit": plain("/api/v1/audit"),
  "GET /api/v1/audit/verify": plain("/api/v1/audit/verify"),
  "GET /api/v1/audit/export": plain("/api/v1/audit/export"),
  "GET /api/v1/audit/head": plain("/api/v1/audit/head"),
  "GET /api/v1/audit/forks": plain("/api/v1/audit/forks"),
  "POST /api/v1/audit/forks/:id/acknowledge": ({ fork }) => ({
    path: `/api/v1/audit/forks/${fork}/acknowledge`,
  }),
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
