import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CAPABILITY_ENROLMENT, customMessage, fromWireText } from "@tautline/protocol";
import { described, joinMessage, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  callAdmin,
  joinOver,
  newToken,
  openControl,
  openJoining,
  type OpampLink,
  poll,
  polled,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { makeJoiner } from "../fixture-core.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { callAs, makeOperators } from "./fixture-operators.test.ts";

interface Row {
  readonly id: string;
  readonly state: string;
  readonly approval: { readonly code: string } | null;
}

const rowsIn = async (central: TestCentral, query: string): Promise<readonly Row[]> =>
  (await admin<{ items: Row[] }>(central, "GET", `/api/v1/agents${query}`)).items;

const post = (central: TestCentral, id: string, verb: string, body?: unknown): Promise<unknown> =>
  admin(central, "POST", `/api/v1/agents/${id}/${verb}`, body);

async function linked(central: TestCentral) {
  const agent = await joinOver(central);
  const link = await openControl(central, agent);
  link.send(messageOf(agent.id, 1, described()));
  await link.next();
  return { agent, link };
}

/** How central ends a link: its last word, and the close. */
async function farewell(link: OpampLink): Promise<readonly unknown[]> {
  const { errorResponse } = await link.next();
  const { code } = fromWireText(errorResponse?.errorMessage ?? "");
  return [code, (await link.closed).code];
}

describe("the queue of candidates over the API", () => {
  it("a candidate waits, is listed by state with its code, is approved, and joins over the same way", () =>
    withCentral(async (central) => {
      const token = await newToken(central, { approve: true });
      const joiner = makeJoiner();
      const ask = async () => {
        const link = await openJoining(central, token);
        link.send(joinMessage(joiner.request));
        const answer = await link.next();
        link.close();
        return answer;
      };
      const waits = await ask();
      assert.match(waits.errorResponse?.errorMessage ?? "", /^enrolment\.approval_pending: /);
      assert.equal(waits.errorResponse?.details.case, "retryInfo");
      const [row, ...others] = await rowsIn(central, "?state=pending");
      assert.deepEqual([row?.id, others.length], [joiner.id, 0]);
      assert.deepEqual(await rowsIn(central, "?state=active"), []);
      const wrong = await callAdmin(central, "POST", `/api/v1/agents/${joiner.id}/approve`, {
        code: "000-000",
      });
      assert.equal(problemCode(wrong), "enrolment.code_mismatch");
      await post(central, joiner.id, "approve", { code: row?.approval?.code });
      assert.equal((await ask()).customMessage?.type, "grant");
      const entries = await admin<{ items: { action: string }[] }>(central, "GET", "/api/v1/audit");
      assert.ok(!entries.items.some(({ action }) => action === "token.refused"));
    }));

  it("an unknown state is a mistake of the request", () =>
    withCentral(async (central) => {
      const answer = await callAdmin(central, "GET", "/api/v1/agents?state=asleep");
      assert.deepEqual([answer.status, problemCode(answer)], [400, "api.invalid"]);
    }));
});

describe("what ends an agent's live link, at once and in words", () => {
  for (const { verb, code } of [
    { verb: "quarantine", code: "admission.agent_quarantined" },
    { verb: "revoke", code: "admission.agent_revoked" },
  ]) {
    it(`${verb}: ${code}, and the next dial is told the same`, () =>
      withCentral(async (central) => {
        const { agent, link } = await linked(central);
        await post(central, agent.id, verb);
        assert.deepEqual(await farewell(link), [code, 1008]);
        const { identity } = agent;
        const next = await poll(central, messageOf(agent.id, 1), { identity });
        assert.deepEqual([next.status, problemCode(next)], [403, code]);
      }));
  }

  it("delete --force, and replacement", () =>
    withCentral(async (central) => {
      const { agent: doomed, link: first } = await linked(central);
      await admin(central, "DELETE", `/api/v1/agents/${doomed.id}?force=true`);
      assert.deepEqual(await farewell(first), ["admission.agent_unknown", 1008]);
      const { agent: old, link: second } = await linked(central);
      const { agent: heir, link: third } = await linked(central);
      await post(central, old.id, "replace", { with: heir.id });
      assert.deepEqual(await farewell(second), ["admission.agent_revoked", 1008]);
      third.send(messageOf(heir.id, 2));
      assert.equal((await third.next()).errorResponse, undefined);
    }));

  it("release: the agent is back by the certificate that it has", () =>
    withCentral(async (central) => {
      const { agent, link } = await linked(central);
      await post(central, agent.id, "quarantine");
      await link.closed;
      await refusalOf(openControl(central, agent), "link.refused");
      await post(central, agent.id, "release");
      const again = await openControl(central, agent);
      again.send(messageOf(agent.id, 1, described()));
      assert.equal((await again.next()).errorResponse, undefined);
    }));

  it("leave: acknowledged over the agent's own link when it is on the disk, and by nobody else's word (A30)", () =>
    withCentral(async (central) => {
      const { agent, link } = await linked(central);
      const { agent: other } = await linked(central);
      const goodbye = customMessage(CAPABILITY_ENROLMENT, "leave", new Uint8Array());
      link.send(messageOf(other.id, 2, { customMessage: goodbye }));
      assert.match((await link.next()).errorResponse?.errorMessage ?? "", /^opamp\.not_your_id/);
      const { identity } = agent;
      const left = await poll(central, messageOf(agent.id, 1, { customMessage: goodbye }), {
        identity,
      });
      assert.equal(polled(left).customMessage?.type, "left");
      const states = (await rowsIn(central, "")).map(({ id, state }) => [id, state]);
      assert.deepEqual(
        new Map(states as [string, string][]),
        new Map([
          [agent.id, "revoked"],
          [other.id, "active"],
        ]),
      );
      const after = await poll(central, messageOf(agent.id, 1), { identity });
      assert.equal(problemCode(after), "admission.agent_revoked");
    }));
});

describe("A18: a second agent that a request names", () => {
  it("of another namespace is as if it did not exist", () =>
    withCentral(async (central) => {
      await admin(central, "POST", "/api/v1/namespaces", { name: "lab" });
      const mine = await joinOver(central, { namespace: "lab" });
      const theirs = await joinOver(central);
      const operators = await makeOperators(central, ["lab"]);
      const who = operators.find(({ name }) => name === "operator-lab");
      assert.ok(who);
      const path = `/api/v1/agents/${mine.id}/replace`;
      const ask = (id: string) =>
        callAs(central, who, { method: "POST", path, body: { with: id } });
      const [foreign, missing] = [await ask(theirs.id), await ask(makeJoiner().id)];
      assert.deepEqual([foreign.status, problemCode(foreign)], [404, "api.not_found"]);
      assert.equal(foreign.status, missing.status);
    }));
});
