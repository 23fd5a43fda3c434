import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import type { TlsIdentity } from "@tautline/link";
import { launchProcess } from "@tautline/testing";
import { serveControl } from "../control/control-endpoint.ts";
import {
  admin,
  type Answer,
  bearer,
  callSecure,
  joinOver,
  newToken,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { type Core, withCore } from "../fixture-core.test.ts";
import { openServerFiles } from "../tls-files/server-files.ts";
import { createFleet } from "../fleet-parts.ts";
import { loadCentralConfig } from "../config.ts";
import { createCertificateCatalogue } from "../authority/certificate-catalogue.ts";
import { openForwards } from "../forwards/forwards.ts";
import { createKeys, openKeyRing } from "../keys/keys.ts";
import { LOCAL_PRINCIPAL } from "../operators/principal.ts";
import { createBackendStore } from "../receiver/backend-store.ts";
import { createClaimantStore } from "../receiver/claims/claimant-store.ts";
import { createClientStore } from "../receiver/client-store.ts";
import { createSightings } from "../receiver/sightings.ts";
import { openOperators } from "../operators/operator-store.ts";
import type { ApiDeps } from "./api-deps.ts";
import { acceptJson, createApiApp } from "./api-app.ts";
import { mountCrls } from "./crl-routes.ts";
import { mountHealth } from "./health-routes.ts";
import { listRoutes, type RouteView } from "./route-list.ts";
import { listVerbs } from "./verb-list.ts";
import { mountRoutes } from "./routes.ts";

/** No part of central is used before a verb runs. */
const ROUTES = listRoutes(listVerbs({} as ApiDeps));

const nameOf = ({ port, method, path }: Omit<RouteView, "role" | "reach">): string =>
  `${port} ${method} ${path}`;

const filled = (path: string, authority: string): string =>
  path
    .replace(":file", `${authority}.crl`)
    .replace(":id", "0190a000-0000-7000-8000-000000000001")
    .replace(":name", "default")
    .replace(":serial", "00");

/** Every route as fastify has it, of apps that are built as the listeners build them. */
async function mountedRoutes(core: Core): Promise<string[]> {
  const mounted: string[] = [];
  const log = createLog("central", "error", { write: () => {} });
  const { store, vault, audit, trail, authority, clock, folder: dataDir } = core;
  const parts = { store, vault, audit, trail, authority };
  const config = loadCentralConfig(undefined);
  const tlsFiles = openServerFiles({ config, dataDir });
  const opened = { ...parts, log, now: clock.now, random: () => 0.5, dataDir, tlsFiles };
  const openedRing = await openKeyRing(opened);
  const { ring: keys } = openedRing;
  const all = { ...opened, config, flags: {}, keys, centralId: "c" };
  const fleet = await createFleet(all, { isStopping: false });
  const own = { ports: () => [], addresses: () => [] };
  const opening = await openForwards({ ...opened, ...fleet, own });
  for (const port of ["agents", "console"] as const) {
    const server = createServer();
    const app = createApiApp({ log, server });
    app.addHook("onRoute", ({ method, url }) => {
      for (const each of [method].flat()) mounted.push(nameOf({ port, method: each, path: url }));
    });
    if (port === "agents") {
      const clockWatch = { note: () => Promise.resolve() };
      const { now } = clock;
      const judging = { isStopping: () => false, judgeRequest: () => undefined };
      serveControl(app, server, {
        ...fleet,
        ...judging,
        forwarding: opening.service,
        receiving: { serveEdge: () => Promise.resolve() },
        clockWatch,
        log,
        now,
      });
      assert.equal(server.listenerCount("upgrade"), 1);
      for (const path of ["/v1/opamp", "/v1/forward", "/v1/receiver"]) {
        mounted.push(nameOf({ port, method: "GET", path }));
      }
    } else {
      acceptJson(app);
      mountHealth(
        app,
        { registry: fleet.metrics.registry, isReady: () => Promise.resolve(true) },
        () => undefined,
      );
      const operators = await openOperators({ ...opened, onEnded: () => undefined });
      const { keys: sharedKeys } = createKeys({ ...opened, ...openedRing, ...fleet });
      const following = { ...opened, onChanged: () => Promise.resolve() };
      const backends = createBackendStore(following);
      const clients = createClientStore(following);
      const verbs = listVerbs({
        ...fleet,
        keys: sharedKeys,
        ...opening,
        receiver: {
          backends,
          clients,
          claimants: createClaimantStore(following),
          sightings: createSightings(Date.now),
          healthOf: () => [],
          check: () => Promise.resolve(),
          links: () => [],
        },
        operators,
        listeners: { list: () => [], set: () => Promise.reject(new Error("unused")) },
        plan: () => Promise.reject(new Error("unused")),
        changes: {
          apply: () => Promise.reject(new Error("unused")),
          undo: () => Promise.reject(new Error("unused")),
          list: () => Promise.reject(new Error("unused")),
          get: () => Promise.reject(new Error("unused")),
        },
        reopening: {
          begin: () => Promise.reject(new Error("unused")),
          end: () => Promise.reject(new Error("unused")),
          list: () => Promise.reject(new Error("unused")),
          get: () => Promise.reject(new Error("unused")),
        },
        vault,
        audit,
        trail,
        status: () => Promise.reject(new Error("unused")),
        endAgent: () => {},
        certificates: createCertificateCatalogue(store),
        revocations: {
          revoke: () => Promise.reject(new Error("unused")),
          issuers: () => [],
          crl: () => Promise.resolve(undefined),
          published: () => undefined,
        },
      });
      mountCrls(app, { current: () => undefined });
      mountRoutes(app, verbs, () => LOCAL_PRINCIPAL);
    }
    await app.ready();
    await app.close();
  }
  return mounted;
}

describe("A1: the list of routes", () => {
  it("is what is mounted, no verb more and none less", () =>
    withCore(async (core) => {
      const mounted = await mountedRoutes(core);
      assert.deepEqual(mounted.toSorted(), ROUTES.map(nameOf).toSorted());
      assert.equal(new Set(mounted).size, mounted.length);
    }));

  it("is what central tells its operator", () =>
    withCentral(async (test) => {
      const { items } = await admin<{ items: unknown[] }>(test, "GET", "/api/v1/routes");
      assert.deepEqual(items, ROUTES);
    }));
});

async function anAuthority(test: TestCentral): Promise<string> {
  const { items } = await admin<{ items: { id: string }[] }>(test, "GET", "/api/v1/authorities");
  return items[0]?.id ?? "";
}

/** Asks one route on one port with some credential. */
async function ask(
  test: TestCentral,
  port: RouteView["port"],
  { method, path }: Pick<RouteView, "method" | "path">,
  credential: { readonly identity?: TlsIdentity; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { headers = {}, ...identity } = credential;
  const isBody = method === "POST" || method === "PUT";
  return callSecure({
    port: port === "agents" ? test.agentsPort : test.consolePort,
    method,
    path: filled(path, await anAuthority(test)),
    ...identity,
    headers: isBody ? { "content-type": "application/json", ...headers } : headers,
    ...(isBody ? { body: "{}" } : {}),
  });
}

describe("A1, A7: what answers whom", () => {
  const credentials: {
    name: string;
    make: (test: TestCentral) => Promise<Parameters<typeof ask>[3]>;
  }[] = [
    { name: "no credential", make: () => Promise.resolve({}) },
    {
      name: "an agent's certificate",
      make: async (test) => ({ identity: (await joinOver(test)).identity }),
    },
    {
      name: "an agent's server certificate",
      make: async (test) => ({ identity: (await joinOver(test)).serverIdentity }),
    },
    {
      name: "a good join token",
      make: async (test) => ({ headers: bearer(await newToken(test)) }),
    },
    {
      name: "a made-up operator's token",
      make: () => Promise.resolve({ headers: { authorization: "Bearer admin" } }),
    },
    {
      name: "a made-up session",
      make: () =>
        Promise.resolve({ headers: { cookie: "session=admin", "x-forwarded-for": "::1" } }),
    },
  ];
  for (const { name, make } of credentials) {
    it(`with ${name}, the console's port answers what is open and refuses every other verb with 401`, () =>
      withCentral(async (test) => {
        const credential = await make(test);
        for (const route of ROUTES) {
          const answer = await ask(test, "console", route, credential);
          const isOpen = route.role === "none" || route.path === "/metrics";
          const about = `${route.method} ${route.path}`;
          assert.equal(answer.status, isOpen ? 200 : 401, about);
          if (!isOpen) {
            assert.equal(problemCode(answer), "api.login_required", about);
            assert.match(String(answer.headers["www-authenticate"]), /^Bearer/, about);
          }
        }
      }));

    it(`with ${name}, the agents' port knows no verb of the API`, () =>
      withCentral(async (test) => {
        const credential = await make(test);
        for (const route of ROUTES) {
          if (route.port === "agents") continue;
          const answer = await ask(test, "agents", route, credential);
          const about = `${route.method} ${route.path}`;
          assert.equal(answer.status, 404, about);
          assert.equal(problemCode(answer), "api.no_route", about);
        }
      }));
  }

  it("health says one word, and nothing of the inside", () =>
    withCentral(async (test) => {
      for (const [path, word] of [
        ["/healthz", "ok\n"],
        ["/readyz", "ready\n"],
      ] as const) {
        const answer = await callSecure({ port: test.consolePort, path });
        assert.deepEqual([answer.status, answer.text], [200, word]);
      }
    }));

  it("nobody is asked for a certificate on the console's port, as browsers would be in a window", () =>
    withCentral(async (test) => {
      for (const [port, isAsked] of [
        [test.agentsPort, true],
        [test.consolePort, false],
      ] as const) {
        const args = ["s_client", "-connect", `127.0.0.1:${port}`];
        await using client = launchProcess({ command: "openssl", args, input: "" });
        await client.exited;
        assert.match(client.stdout, /New, TLSv1\.3/);
        // Printed by s_client only where the server has sent a CertificateRequest.
        assert.equal(/Requested Signature Algorithms/.test(client.stdout), isAsked);
      }
    }));
});

describe("A8: however an address is spelt, the decision is the same", () => {
  const spellings = [
    "/api/v1/status",
    "//api/v1/status",
    "/api//v1/status",
    "/api/v1/status/",
    "/api/v1/status;",
    "/api/v1/status;x=1",
    "/api/v1/status.css",
    "/api/v1/status/../status",
    "/api/v1/./status",
    "/healthz/../api/v1/status",
    "/healthz/%2e%2e/api/v1/status",
    "/API/v1/status",
    "/Api/V1/Status",
    "/api%2fv1%2fstatus",
    "/api/v1/%73tatus",
    "/api/v1/status%00",
    "/api/v1/status%",
    "/api/v1/status%zz",
    "/api/v1/status?",
    "/api/v1/status?x=/healthz",
    "/api/v1/status#/healthz",
    "/api/v1/status%20",
    "/api/v1/status%0d%0a",
    "/setup",
    "/api/v1/operators",
    "/SetupWizard.aspx/",
    `/api/v1/agents/${"x".repeat(300)}`,
  ];
  for (const path of spellings) {
    it(`${path.slice(0, 50)} is 401 on the console's port and nothing on the agents'`, () =>
      withCentral(async (test) => {
        for (const method of ["GET", "POST", "DELETE", "HEAD", "OPTIONS"]) {
          const answer = await callSecure({ port: test.consolePort, method, path });
          assert.equal(answer.status, 401, method);
          if (method !== "HEAD") assert.equal(problemCode(answer), "api.login_required");
          const byAgents = await callSecure({ port: test.agentsPort, method, path });
          assert.equal(byAgents.status, 404, method);
        }
      }));
  }
});
