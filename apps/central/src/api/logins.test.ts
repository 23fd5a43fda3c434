import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { TLSSocket } from "node:tls";
import { describe, it } from "node:test";
import { formatTokenCredential } from "@tautline/protocol";
import {
  admin,
  type Answer,
  callAdmin,
  callSecure,
  dialTls,
  joinOver,
  newToken,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { callAs, makeOperator, NOBODY } from "./fixture-operators.test.ts";

/** Other spellings of routes: what a proxy, a file server or a tired person might make of them (A8). */
const SPELLINGS = [
  "/api/v1/agents/",
  "/api/v1//agents",
  "//api/v1/agents",
  "/api/v1/AGENTS",
  "/API/v1/agents",
  "/api/v1/agents.css",
  "/api/v1/agents.json",
  "/api/v1/agents;x=1",
  "/api/v1/agents;/healthz",
  "/api/v1/agents%20",
  "/api/v1/agents%00",
  "/api/v1/agents%0a",
  "/api%2fv1%2fagents",
  "/api/v1%2Fagents",
  "/api/v1/%61gents",
  "/api/v1/./agents",
  "/api/v1/x/../agents",
  "/healthz/../api/v1/agents",
  "/healthz/..%2fapi/v1/agents",
  "/healthz/%2e%2e/api/v1/agents",
  "/healthz/",
  "/healthz;/api/v1/agents",
  "/metrics/../api/v1/agents",
  "/\\api\\v1\\agents",
  "/api/v1/agents\\",
  "/api/v1/%",
  "/api/v1/agents%",
  "/setup",
  "/api/v2/agents",
  "/",
] as const;

const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] as const;

/** One request over a connection that stays. */
function callOn(socket: TLSSocket, path: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      path,
      createConnection: () => socket,
      headers: { authorization: `Bearer ${token}`, connection: "keep-alive" },
    });
    outgoing.on("response", (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    outgoing.on("error", reject).end();
  });
}

const get = (path: string) => ({ method: "GET", path });

describe("logins on the console port", () => {
  it("A8: without a login every spelling gets the same answer, byte for byte", () =>
    withCentral(async (central) => {
      const plain = await callAs(central, NOBODY, get("/api/v1/agents"));
      assert.equal(problemCode(plain), "api.login_required");
      for (const path of SPELLINGS) {
        for (const method of METHODS) {
          const answer = await callAs(central, NOBODY, { method, path });
          assert.equal(answer.status, 401, `${method} ${path}`);
          if (method !== "HEAD") assert.equal(answer.text, plain.text, `${method} ${path}`);
          assert.equal(answer.headers["www-authenticate"], 'Bearer realm="tautline"');
        }
      }
    }));

  it("A8: without a login nothing of a body is read, so that it cannot change the answer", () =>
    withCentral(async (central) => {
      const plain = await callAs(central, NOBODY, get("/api/v1/agents"));
      const bodies = ["{ this is no JSON", '{"__proto__":1}', ""];
      for (const path of ["/api/v1/tokens", "/nowhere", "/api/v1/tokens/"]) {
        for (const body of bodies) {
          for (const type of ["application/json", "text/plain"]) {
            const headers = { "content-type": type };
            const request = { port: central.consolePort, method: "POST", path, headers, body };
            const answer = await callSecure(request);
            assert.deepEqual([answer.status, answer.text], [401, plain.text], `${path} ${type}`);
          }
        }
      }
    }));

  it("A18: asking a list for a namespace of others is asking for one that is not there", () =>
    withCentral(async (central) => {
      await admin(central, "POST", "/api/v1/namespaces", { name: "lab" });
      const who = await makeOperator(central, { name: "ana", role: "viewer", namespace: "lab" });
      for (const noun of ["agents", "settings"]) {
        const list = `/api/v1/${noun}?namespace=`;
        assert.equal((await callAs(central, who, get(`${list}lab`))).status, 200);
        const foreign = await callAs(central, who, get(`${list}default`));
        const missing = await callAs(central, who, get(`${list}nowhere`));
        assert.deepEqual([foreign.status, missing.status], [404, 404]);
        assert.equal(foreign.text, missing.text.replaceAll("nowhere", "default"));
      }
    }));

  it("A8: with a login no other spelling does what the right one would refuse", () =>
    withCentral(async (central) => {
      const viewer = await makeOperator(central, {
        name: "vic",
        role: "viewer",
        namespace: "default",
      });
      const right = await callAs(central, viewer, { method: "POST", path: "/api/v1/tokens" });
      assert.equal(problemCode(right), "api.forbidden");
      for (const path of SPELLINGS.map((each) => each.replaceAll("agents", "tokens"))) {
        const answer = await callAs(central, viewer, { method: "POST", path, body: {} });
        assert.ok([403, 404].includes(answer.status), `${path}: ${answer.status}`);
      }
      const { items } = await admin<{ items: unknown[] }>(central, "GET", "/api/v1/tokens");
      assert.deepEqual(items, []);
    }));

  it("a role that is not enough is refused before the body is read, with what it would need", () =>
    withCentral(async (central) => {
      const vic = await makeOperator(central, { name: "vic", role: "viewer" });
      // In its own namespace an administrator makes keys; namespaces are for those of all.
      for (const [path, needed] of [
        ["/api/v1/namespaces", "admin for every namespace"],
        ["/api/v1/keys", "admin"],
      ] as const) {
        const answer = await callSecure({
          port: central.consolePort,
          method: "POST",
          path,
          headers: { authorization: `Bearer ${vic.token}`, "content-type": "application/json" },
          body: "{ this is no JSON",
        });
        assert.deepEqual([answer.status, problemCode(answer)], [403, "api.forbidden"]);
        assert.match(
          answer.text,
          new RegExp(`Operator vic may not do this: it needs the role ${needed}\\.`),
        );
      }
    }));

  it("A7: an agent's certificate, its join token and its own credential are no login", () =>
    withCentral(async (central) => {
      const agent = await joinOver(central);
      const join = await newToken(central);
      const port = central.consolePort;
      const credential = formatTokenCredential(join.tokenId, join.secret);
      const authorizations = [undefined, `Bearer ${credential}`, "Bearer tautline1.AAAA"];
      for (const identity of [undefined, agent.identity, agent.serverIdentity]) {
        for (const authorization of authorizations) {
          for (const path of ["/api/v1/agents", "/api/v1/status", "/api/v1/routes"]) {
            const headers = authorization === undefined ? {} : { authorization };
            const answer = await callSecure({ port, path, headers, ...(identity && { identity }) });
            assert.equal(answer.status, 401);
          }
        }
      }
    }));

  it("A7: an operator's token is no login for the agents' port", () =>
    withCentral(async (central) => {
      const ana = await makeOperator(central, { name: "ana", role: "admin" });
      const answer = await callSecure({
        port: central.agentsPort,
        method: "POST",
        path: "/v1/opamp",
        headers: {
          authorization: `Bearer ${ana.token}`,
          "content-type": "application/x-protobuf",
        },
        body: new Uint8Array(1),
      });
      assert.deepEqual([answer.status, problemCode(answer)], [401, "enrolment.token_unknown"]);
    }));

  it("A5: disabling an operator closes its open connections and refuses its next call", () =>
    withCentral(async (central) => {
      const ana = await makeOperator(central, { name: "ana", role: "admin" });
      const ben = await makeOperator(central, { name: "ben", role: "admin" });
      const [idle, other] = [
        await dialTls(central.consolePort),
        await dialTls(central.consolePort),
      ];
      assert.equal(await callOn(idle, "/api/v1/status", ana.token ?? ""), 200);
      assert.equal(await callOn(other, "/api/v1/status", ben.token ?? ""), 200);
      const closed = once(idle, "close");
      const disable = { method: "POST", path: "/api/v1/operators/ana/disable" };
      assert.equal((await callAs(central, ben, disable)).status, 204);
      await closed;
      const next = await callAs(central, ana, get("/api/v1/status"));
      assert.deepEqual([next.status, problemCode(next)], [401, "api.login_failed"]);
      assert.equal(await callOn(other, "/api/v1/status", ben.token ?? ""), 200);
      other.destroy();
    }));

  it("A18: a token is refused from the moment it expires", () =>
    withCentral(async (central) => {
      const ana = await makeOperator(central, { name: "ana", role: "viewer", ttlMs: 60_000 });
      assert.equal((await callAs(central, ana, get("/api/v1/whoami"))).status, 200);
      central.clock.advance(60_000);
      assert.equal((await callAs(central, ana, get("/api/v1/whoami"))).status, 401);
    }));

  it("RS-30: repeated wrong tokens are answered 429 with Retry-After; who was right there goes on", () =>
    withCentral(async (central) => {
      const ana = await makeOperator(central, { name: "ana", role: "viewer" });
      assert.equal((await callAs(central, ana, get("/api/v1/whoami"))).status, 200);
      const wrong = { token: `tautline-op.${"0".repeat(16)}.${"A".repeat(43)}` };
      const answers: Answer[] = [];
      for (let time = 0; time < 11; time += 1) {
        answers.push(await callAs(central, wrong, get("/api/v1/agents")));
      }
      assert.deepEqual(
        answers.map(({ status }) => status),
        [...Array<number>(10).fill(401), 429],
      );
      const last = answers.at(-1);
      assert.ok(last);
      assert.equal(problemCode(last), "api.login_limited");
      assert.equal(last.headers["retry-after"], "60");
      assert.equal((await callAs(central, ana, get("/api/v1/whoami"))).status, 200);
    }));

  it("the trail names the operator who did it, not the admin socket", () =>
    withCentral(async (central) => {
      const ana = await makeOperator(central, { name: "ana", role: "operator" });
      await callAs(central, ana, { method: "POST", path: "/api/v1/tokens", body: {} });
      const { items } = await admin<{ items: { action: string; actor: string }[] }>(
        central,
        "GET",
        "/api/v1/audit",
      );
      const actorOf = (action: string): unknown => items.find((i) => i.action === action)?.actor;
      assert.equal(actorOf("operator.created"), "operator:local");
      assert.equal(actorOf("token.created"), "operator:ana");
    }));

  it("the admin socket needs no login, and a token sent over it changes nothing", () =>
    withCentral(async (central) => {
      const who = await admin<unknown>(central, "GET", "/api/v1/whoami");
      assert.deepEqual(who, { name: "local", role: "admin", namespace: null });
      assert.equal((await callAdmin(central, "GET", "/api/v1/nothing")).status, 404);
      await assertBoundedOrders(central);
    }));
});

/** Orders for operators that are not taken, and what is named as wrong. */
async function assertBoundedOrders(central: TestCentral): Promise<void> {
  const refused = [
    [{ name: "Ana", role: "viewer" }, "value.operator_name"],
    [{ name: "local", role: "viewer" }, "value.operator_name"],
    [{ name: "ana", role: "root" }, "api.invalid"],
    [{ name: "ana", role: "viewer", namespace: "No" }, "api.invalid"],
    [{ name: "ana", role: "viewer", namespace: "" }, "api.invalid"],
    [{ name: "ana", role: "viewer", ttlMs: 367 * 86_400_000 }, "api.invalid"],
    [{ name: "ana", role: "viewer", secret: "mine" }, "api.invalid"],
  ] as const;
  for (const [body, code] of refused) {
    const answer = await callAdmin(central, "POST", "/api/v1/operators", body);
    assert.equal(problemCode(answer), code);
  }
}
