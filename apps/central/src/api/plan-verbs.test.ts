import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AGENT_ATTRIBUTES } from "@tautline/protocol";
import type { z } from "zod";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  callAdmin,
  joinOver,
  openControl,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { DAY_MS } from "../history/span.ts";
import { callAs, makeOperators } from "./fixture-operators.test.ts";
import type { planField } from "./policy-fields.ts";

type PlanView = z.output<typeof planField>;

const PATH = "/api/v1/policy/plan";
const plan = (central: TestCentral, body: object): Promise<PlanView> =>
  admin<PlanView>(central, "POST", PATH, body);

/** Joins an agent and lets it be answered once. */
async function linkAgent(central: TestCentral, namespace: string, upgrade: string) {
  const agent = await joinOver(central, { namespace, name: `web-${namespace}` });
  const link = await openControl(central, agent);
  link.send(messageOf(agent.id, 1, described({ [AGENT_ATTRIBUTES.upgrade]: upgrade })));
  await link.next();
  return { id: agent.id, link };
}

describe("the planner over the API", () => {
  it("QMP-1: says before anything is changed who stays, who cannot, why, and what to do", () =>
    withCentral(async (central) => {
      const { id } = await linkAgent(central, "default", "manual");
      const { id: silent } = await joinOver(central, { name: "web-2" });
      const good = await plan(central, { floor: "mtls", postQuantum: "require" });
      const shown = good.agents.map(({ id: agent, verdict, reason }) => [agent, verdict, reason]);
      assert.deepEqual(shown, [
        [silent, "unknown", "not_seen"],
        [id, "stays", "meets_policy"],
      ]);
      assert.deepEqual(good.totals, { stays: 1, moves: 0, unknown: 1, "cut off": 0 });
      const bad = await plan(central, { accept: ["basic"], kinds: ["control"], limit: 1 });
      const [first] = bad.agents;
      assert.deepEqual(
        [first?.id, first?.verdict, first?.reason, first?.upgrade, bad.left],
        [id, "cut off", "no_higher_level", "manual", 1],
      );
      assert.match(first?.remedy ?? "", /accept tls and mtls too/);
      const [part] = first?.parts ?? [];
      assert.deepEqual(
        [part?.kind, part?.level, part?.lastAddress, part?.live, part?.wouldRefuse],
        ["control", "mtls", "127.0.0.1", true, 1],
      );
      assert.deepEqual(bad.wanted.accept, ["basic"]);
      const some = await plan(central, { floor: "mtls", verdicts: ["stays", "cut off"] });
      assert.deepEqual([some.agents.map((agent) => agent.id), some.totals], [[id], good.totals]);
    }));

  it("F23: looks at the last thirty days, or at the period that is asked for", () =>
    withCentral(async (central) => {
      const { link } = await linkAgent(central, "default", "remote");
      link.close();
      await link.closed;
      const begin = central.clock.now();
      central.clock.advance(31 * DAY_MS);
      const totals = async (body: object) => (await plan(central, body)).totals;
      assert.equal((await totals({ floor: "mtls" })).unknown, 1);
      const since = new Date(begin).toISOString();
      assert.equal((await totals({ floor: "mtls", since })).stays, 1);
    }));

  it("A18: shows a viewer of one namespace its own agents, and says nothing of others", () =>
    withCentral(async (central) => {
      await admin(central, "POST", "/api/v1/namespaces", { name: "lab" });
      const [mine] = [await linkAgent(central, "lab", "remote")];
      await linkAgent(central, "default", "remote");
      const viewer = (await makeOperators(central, ["lab"])).find(({ role }) => role === "viewer");
      assert.ok(viewer);
      const ask = (body: object) => callAs(central, viewer, { method: "POST", path: PATH, body });
      const answer = await ask({ namespace: "lab", floor: "mtls" });
      const { agents } = JSON.parse(answer.text) as PlanView;
      assert.deepEqual(
        agents.map(({ id }) => id),
        [mine.id],
      );
      assert.equal((await ask({ floor: "mtls" })).status, 403);
      assert.equal((await ask({ namespace: "default", floor: "mtls" })).status, 404);
      const all = await plan(central, { floor: "mtls" });
      assert.equal(all.agents.length, 2);
    }));

  it("refuses a slip: no levels, two ways to say them, and what is no level, kind, verdict, time or namespace", () =>
    withCentral(async (central) => {
      const slips: readonly [body: object, status: number][] = [
        [{}, 400],
        [{ floor: "mtls", accept: ["tls"] }, 400],
        [{ accept: [] }, 400],
        [{ floor: "secure" }, 400],
        [{ floor: "mtls", kinds: [] }, 400],
        [{ floor: "mtls", kinds: ["pull"] }, 400],
        [{ floor: "mtls", verdicts: ["fine"] }, 400],
        [{ floor: "mtls", since: "yesterday" }, 400],
        [{ floor: "mtls", limit: 0 }, 400],
        [{ floor: "mtls", limit: 100_001 }, 400],
        [{ floor: "mtls", postquantum: "require" }, 400],
        [{ floor: "mtls", namespace: "nowhere" }, 404],
      ];
      for (const [body, status] of slips) {
        const answer = await callAdmin(central, "POST", PATH, body);
        assert.equal(answer.status, status, JSON.stringify(body));
        assert.equal(problemCode(answer), status === 400 ? "api.invalid" : "api.not_found");
      }
    }));
});
