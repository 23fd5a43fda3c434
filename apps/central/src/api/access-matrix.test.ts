import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OPERATOR_ROLES } from "@tautline/protocol";
import { z } from "zod";
import { reportFork, withRestoredCentral } from "../audit/fixture-forked.test.ts";
import { admin, type Answer, joinOver, type TestCentral } from "../fixture-central.test.ts";
import {
  callAs,
  type ListedRoute,
  makeOperators,
  NOBODY,
  routesOf,
  type TestOperator,
} from "./fixture-operators.test.ts";
import {
  addBackend,
  addClaims,
  addClient,
  addForward,
  addHostName,
  addKey,
  fillNamespace,
  MISSING,
  routeName,
  SAMPLES,
  type Things,
} from "./fixture-world.test.ts";

/** What must happen, by the words of the guide for operators and not by the code that decides. */
function expectation(
  route: ListedRoute,
  who: TestOperator,
  { namespace }: Things,
): "done" | "login" | "forbidden" | "missing" {
  if (route.role === "none" || route.role === "agent" || route.path === "/metrics") return "done";
  if (who.role === undefined) return "login";
  if (OPERATOR_ROLES.indexOf(who.role) < OPERATOR_ROLES.indexOf(route.role)) return "forbidden";
  if (who.namespace === "") return "done";
  if (route.reach === "central") return "forbidden";
  const isAboutOne = route.reach === "object" || route.reach === "place";
  return isAboutOne && who.namespace !== namespace ? "missing" : "done";
}

const STATUSES = { done: [200, 201, 204], login: [401], forbidden: [403], missing: [404] };

/**
 * Everybody who dials in this test has an identity, the policy that is asked for would cut them off, and the only change is undone, and nobody asks for an
 * upgrade: the verb was let through, and refuses that itself.
 */
const OWN_ANSWERS: Readonly<Record<string, number>> = {
  "POST /api/v1/agents/:id/promote": 409,
  "POST /api/v1/policy/apply": 409,
  "POST /api/v1/policy/undo": 409,
  "GET /api/v1/agents/:id/services/:name": 426,
};

/** What ends something comes last, so that all may still be asked for it before. */
function rank({ method, path }: ListedRoute): number {
  if (method === "GET") return 0;
  return path.includes("/revoke") || path.includes("/disable") ? 2 : 1;
}

function inOrder(routes: readonly ListedRoute[]): ListedRoute[] {
  return routes.toSorted((left, right) => rank(left) - rank(right));
}

const NAMESPACE_IN_ROW = new Set([
  "tokens",
  "agents",
  "keys",
  "forwards",
  "backends",
  "clients",
  "claimants",
  "links",
  "history",
  "settings",
  "policy",
  "changes",
  "authorities",
  "certificates",
  "certificate-names",
]);

/** Where the rows of a list belong. */
function namespacesIn(route: ListedRoute, { text }: Answer): unknown[] {
  const { items } = JSON.parse(text) as { items: Record<string, unknown>[] };
  const noun = route.path.split("/").at(-1) ?? "";
  return items.map((row) => {
    if (noun === "namespaces") return row["name"];
    if (noun === "operators") return row["namespace"] ?? "";
    assert.ok(NAMESPACE_IN_ROW.has(noun), noun);
    return row["namespace"];
  });
}

interface Ask {
  readonly central: TestCentral;
  readonly route: ListedRoute;
  readonly who: TestOperator;
}

let count = 0;

async function ask({ central, route, who }: Ask, things: Things): Promise<Answer> {
  const make = SAMPLES[routeName(route)];
  assert.ok(make, `there is no sample for ${routeName(route)}`);
  count += 1;
  return callAs(central, who, { method: route.method, ...make(things, `fresh-${count}`) });
}

/** An answer in which what the caller wrote itself is no difference; the longest first, for one may be a part of another. */
function withoutIds(text: string, named: Things): string {
  return Object.values<string>({ ...named })
    .toSorted((one, other) => other.length - one.length)
    .reduce((left, id) => left.replaceAll(id, "ID"), text);
}

/** A hidden thing's answer is the answer for one that is nowhere, but for the id that the caller wrote itself. */
async function assertLikeMissing(asked: Ask, things: Things, answer: Answer): Promise<void> {
  const missing = await ask(asked, MISSING);
  const label = `${routeName(asked.route)} by ${asked.who.name}`;
  assert.equal(missing.status, 404, label);
  assert.equal(withoutIds(answer.text, things), withoutIds(missing.text, MISSING), label);
}

/** What an earlier call has taken away is there again. */
async function restored({ central, route }: Ask, things: Things): Promise<Things> {
  if (route.path.startsWith("/api/v1/keys/:name") && route.method !== "GET") {
    count += 1;
    const step = route.path.split("/").at(-1);
    return { ...things, key: await addKey(central, things.namespace, `key-${count}`, step) };
  }
  if (route.method !== "DELETE") return things;
  const { namespace } = things;
  if (route.path === "/api/v1/forwards/:name") {
    count += 1;
    return { ...things, forward: await addForward(central, namespace, `forward-${count}`) };
  }
  if (route.path === "/api/v1/backends/:name") {
    count += 1;
    return { ...things, backend: await addBackend(central, namespace, `backend-${count}`) };
  }
  if (route.path === "/api/v1/clients/:name") {
    count += 1;
    return { ...things, client: await addClient(central, namespace, `client-${count}`) };
  }
  if (route.path === "/api/v1/claimants") {
    await addClaims(central, `namespace:${namespace}`);
    return things;
  }
  if (route.path === "/api/v1/certificate-names") {
    count += 1;
    return { ...things, hostName: await addHostName(central, namespace, `host-${count}`) };
  }
  if (route.path === "/api/v1/agents/:id") {
    return { ...things, doomed: (await joinOver(central, { namespace })).id };
  }
  const [put = { path: "" }] = [SAMPLES["PUT /api/v1/settings"]?.(things, "")];
  await admin(central, "PUT", put.path, put.body);
  return things;
}

async function judge(asked: Ask, before: Things): Promise<void> {
  const { route, who } = asked;
  const expected = expectation(route, who, before);
  const things = expected === "done" ? await restored(asked, before) : before;
  const answer = await ask(asked, things);
  const label = `${routeName(route)} of ${things.namespace} by ${who.name}: ${answer.text}`;
  const own = expected === "done" ? OWN_ANSWERS[routeName(route)] : undefined;
  const statuses = own === undefined ? STATUSES[expected] : [own];
  assert.ok(statuses.includes(answer.status), `${label}: expected ${expected}`);
  if (expected === "missing") await assertLikeMissing(asked, things, answer);
  if (expected === "done" && route.reach === "list") {
    const places = namespacesIn(route, answer);
    const foreign = places.filter((place) => who.namespace !== "" && place !== who.namespace);
    assert.deepEqual(foreign, [], label);
    assert.ok(places.includes(things.namespace) || who.namespace !== "", label);
  }
}

describe("every verb, role and namespace over TLS", () => {
  it("A1, A18: no verb answers anybody whom its role and namespace do not let in", () =>
    withRestoredCentral(async (central, seen) => {
      await admin(central, "POST", "/api/v1/namespaces", { name: "lab" });
      const { fork } = await reportFork(central, seen);
      const world = [
        await fillNamespace(central, "default", fork),
        await fillNamespace(central, "lab", fork),
      ];
      const callers = [NOBODY, ...(await makeOperators(central, ["", "default", "lab"]))];
      const all = callers.find(({ name }) => name === "admin-all");
      assert.ok(all);
      const routes = await routesOf(central, all);
      assert.deepEqual(routes.map(routeName).toSorted(), Object.keys(SAMPLES).toSorted());
      for (const route of inOrder(routes)) {
        for (const things of world) {
          for (const who of callers) await judge({ central, route, who }, things);
        }
      }
    }));

  it("the description of the API fits every answer there is (OpenAPI 3.1)", () =>
    withRestoredCentral(async (central, seen) => {
      const { fork } = await reportFork(central, seen);
      const things = await fillNamespace(central, "default", fork);
      const [, , who = NOBODY] = await makeOperators(central, [""]);
      const read = async (path: string): Promise<unknown> =>
        JSON.parse((await callAs(central, who, { method: "GET", path })).text);
      const document = DOCUMENT.parse(await read("/api/v1/openapi.json"));
      const routes = (await routesOf(central, who)).filter(({ path }) => path.startsWith("/api"));
      for (const route of inOrder(routes).filter((each) => !(routeName(each) in OWN_ANSWERS))) {
        const asked = { central, route, who };
        const answer = await ask(asked, await restored(asked, things));
        const name = routeName(route);
        const path = route.path.replace(/:([a-z]+)/g, "{$1}");
        const described = document.paths[path]?.[route.method.toLowerCase()]?.responses;
        const response = described?.[String(answer.status)];
        assert.ok(response, `${name} answers ${answer.status}, which is not described`);
        const media = String(answer.headers["content-type"]).split(";")[0] ?? "";
        const schema = response.content?.[media]?.schema;
        assert.equal(schema === undefined, answer.text === "", name);
        if (schema === undefined) continue;
        const isLines = media === "application/x-ndjson";
        for (const text of isLines ? answer.text.trimEnd().split("\n") : [answer.text]) {
          const verdict = z.fromJSONSchema(schema).safeParse(JSON.parse(text));
          assert.deepEqual(verdict.error?.issues ?? [], [], `${name}: ${text}`);
        }
      }
      assert.equal(Object.keys(document.paths).length, new Set(routes.map((r) => r.path)).size);
      const refused = await callAs(central, NOBODY, { method: "GET", path: "/api/v1/agents" });
      const problem = z.fromJSONSchema(document.components.schemas["Problem"] ?? {});
      assert.equal(problem.safeParse(JSON.parse(refused.text)).success, true);
      assert.equal(problem.safeParse({ title: "of another kind" }).success, false);
    }));
});

const jsonSchema = z.record(z.string(), z.unknown());
const DOCUMENT = z.object({
  openapi: z.literal("3.1.0"),
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        responses: z.record(
          z.string(),
          z.object({
            description: z.string(),
            content: z.record(z.string(), z.object({ schema: jsonSchema })).optional(),
          }),
        ),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), jsonSchema) }),
});
