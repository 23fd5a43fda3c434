/* Equipment: operators of a central that runs in this process, and requests that carry their tokens. No tests of its own. */
import { OPERATOR_ROLES, type OperatorRole } from "@tautline/protocol";
import { admin, type Answer, callSecure, type TestCentral } from "../fixture-central.test.ts";

/** Somebody who calls: an operator with a token, or nobody. */
export interface TestOperator {
  readonly name: string;
  readonly role: OperatorRole | undefined;
  /** Empty for every namespace. */
  readonly namespace: string;
  readonly token: string | undefined;
}

/** Whoever has no token. */
export const NOBODY: TestOperator = {
  name: "nobody",
  role: undefined,
  namespace: "",
  token: undefined,
};

/** Makes an operator over the admin socket. */
export async function makeOperator(
  central: TestCentral,
  order: {
    readonly name: string;
    readonly role: OperatorRole;
    readonly namespace?: string;
    readonly ttlMs?: number;
  },
): Promise<TestOperator> {
  const made = await admin<{ token: string }>(central, "POST", "/api/v1/operators", order);
  const { name, role, namespace = "" } = order;
  return { name, role, namespace, token: made.token };
}

/** Makes an operator of each role for each of the namespaces; "" means every one. */
export async function makeOperators(
  central: TestCentral,
  namespaces: readonly string[],
): Promise<TestOperator[]> {
  const made: TestOperator[] = [];
  for (const namespace of namespaces) {
    for (const role of OPERATOR_ROLES) {
      const name = `${role}-${namespace === "" ? "all" : namespace}`;
      const place = namespace === "" ? {} : { namespace };
      made.push(await makeOperator(central, { name, role, ...place }));
    }
  }
  return made;
}

/** Calls the console port with somebody's token. */
export function callAs(
  central: TestCentral,
  who: Pick<TestOperator, "token">,
  {
    method,
    path,
    body,
  }: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return callSecure({
    port: central.consolePort,
    method,
    path,
    headers: {
      ...(who.token === undefined ? {} : { authorization: `Bearer ${who.token}` }),
      ...(text === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(text === undefined ? {} : { body: text }),
  });
}

/** A route as central lists it. */
export interface ListedRoute {
  readonly method: string;
  readonly path: string;
  readonly port: "agents" | "console";
  readonly role: OperatorRole | "agent" | "none";
  readonly reach: string;
}

/** The routes of the console's port that a running central lists, over TLS. */
export async function routesOf(
  central: TestCentral,
  who: TestOperator,
): Promise<readonly ListedRoute[]> {
  const answer = await callAs(central, who, { method: "GET", path: "/api/v1/routes" });
  const { items } = JSON.parse(answer.text) as { items: ListedRoute[] };
  return items.filter(({ port }) => port === "console");
}
