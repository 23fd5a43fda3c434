import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LIMITS } from "@tautline/protocol";
import type { ForwardAllowance } from "../forwards/allowance.ts";
import { FORWARD_LIMITS } from "../forwards/forward-limits.ts";
import { admin, problemCode, type TestCentral, withCentral } from "../fixture-central.test.ts";
import { callAs, makeOperators, type TestOperator } from "./fixture-operators.test.ts";

const PATH = "/api/v1/forwards";
const target = "db.example:5432";

interface World {
  readonly central: TestCentral;
  readonly by: (name: string) => TestOperator;
}

function withOperators(use: (world: World) => Promise<void>): Promise<void> {
  return withCentral(async (central) => {
    await admin(central, "POST", "/api/v1/namespaces", { name: "lab" });
    const all = await makeOperators(central, ["", "lab"]);
    const by = (name: string): TestOperator => {
      const found = all.find((each) => each.name === name);
      assert.ok(found, name);
      return found;
    };
    await use({ central, by });
  });
}

describe("forwards over the API", () => {
  it("each limit is taken, and exceeded by one it is refused", () =>
    withOperators(async ({ central, by }) => {
      const who = by("admin-all");
      const { durationMs } = LIMITS;
      const bounds: [field: string, taken: number, refused: number][] = [
        ["idleMs", FORWARD_LIMITS.shortestMs, FORWARD_LIMITS.shortestMs - 1],
        ["idleMs", durationMs.value, durationMs.value + 1],
        ["totalMs", FORWARD_LIMITS.shortestMs, FORWARD_LIMITS.shortestMs - 1],
        ["totalMs", durationMs.value, durationMs.value + 1],
        ["maxStreams", 1, 0],
        ["maxStreams", FORWARD_LIMITS.mostStreams, FORWARD_LIMITS.mostStreams + 1],
      ];
      for (const [at, [field, taken, refused]] of bounds.entries()) {
        const post = (value: number) => {
          const body = { name: `limit-${at}`, target, [field]: value };
          return callAs(central, who, { method: "POST", path: PATH, body });
        };
        const beyond = await post(refused);
        assert.deepEqual([beyond.status, problemCode(beyond)], [400, "api.invalid"], field);
        const within = await post(taken);
        assert.equal(within.status, 201, within.text);
        const row = JSON.parse(within.text) as Record<string, unknown>;
        assert.equal(row[field], taken);
      }
    }));

  const mixed: [what: string, body: object, field: string][] = [
    ["no target at all", {}, "target"],
    ["a target of a service", { direction: "in", target }, "target"],
    ["a role for a target", { target, operatorRole: "admin" }, "operatorRole"],
    ["a role that opens nothing", { direction: "in", operatorRole: "viewer" }, "operatorRole"],
    ["a PROXY header for a service", { direction: "in", proxyProtocol: true }, "proxyProtocol"],
    ["central's host for a service", { direction: "in", alsoLocal: true }, "alsoLocal"],
    ["a third direction", { direction: "both", target }, "direction"],
  ];
  it("what belongs to one direction is refused with the other, by the name of the field", () =>
    withOperators(async ({ central, by }) => {
      for (const [what, said, field] of mixed) {
        const order = { method: "POST", path: PATH, body: { name: "db", ...said } };
        const answer = await callAs(central, by("admin-all"), order);
        assert.deepEqual([answer.status, problemCode(answer)], [400, "api.invalid"], what);
        assert.match(answer.text, new RegExp(`refused: ${field}: `), what);
      }
    }));

  it("a field that is misspelt is refused: no limit is left out by a slip", () =>
    withOperators(async ({ central, by }) => {
      const body = { name: "db", target, maxStream: 1 };
      const answer = await callAs(central, by("admin-all"), { method: "POST", path: PATH, body });
      assert.equal(problemCode(answer), "api.invalid");
    }));

  it("an admin of one namespace allows and denies there alone, and sees no other", () =>
    withOperators(async ({ central, by }) => {
      const who = by("admin-lab");
      await admin(central, "POST", PATH, { name: "db", target });
      const allow = (namespace: string) =>
        callAs(central, who, {
          method: "POST",
          path: PATH,
          body: { name: "db", target, namespace },
        });
      assert.equal((await allow("default")).status, 404);
      assert.equal((await allow("lab")).status, 201);
      const { text } = await callAs(central, who, { method: "GET", path: PATH });
      const { items } = JSON.parse(text) as { items: ForwardAllowance[] };
      assert.deepEqual(
        items.map(({ namespace }) => namespace),
        ["lab"],
      );
      const deny = (namespace: string) =>
        callAs(central, who, { method: "DELETE", path: `${PATH}/db?namespace=${namespace}` });
      assert.equal((await deny("default")).status, 404);
      assert.equal((await deny("lab")).status, 204);
      const left = await admin<{ items: ForwardAllowance[] }>(central, "GET", PATH);
      assert.deepEqual(
        left.items.map(({ namespace, createdBy }) => [namespace, createdBy]),
        [["default", "operator:local"]],
      );
    }));

  it("viewers and operators change nothing", () =>
    withOperators(async ({ central, by }) => {
      for (const name of ["viewer-all", "operator-all"]) {
        const body = { name: "db", target };
        const answer = await callAs(central, by(name), { method: "POST", path: PATH, body });
        assert.deepEqual([answer.status, problemCode(answer)], [403, "api.forbidden"]);
      }
    }));
});
