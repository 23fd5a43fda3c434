import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  joinOver,
  openControl,
  poll,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import type { HistoryView } from "../history/history-list.ts";
import { callAs, makeOperators } from "./fixture-operators.test.ts";

const AGENT = "0197a000-0000-7000-8000-00000000000a";
const HISTORY = "/api/v1/links/history";

interface Items<Item> {
  readonly items: readonly Item[];
}

/** Joins an agent and lets it be answered once. */
async function linkAgent(central: TestCentral, namespace: string): Promise<string> {
  const agent = await joinOver(central, { namespace, name: `web-${namespace}` });
  const link = await openControl(central, agent);
  link.send(messageOf(agent.id, 1, described()));
  await link.next();
  return agent.id;
}

describe("the history of links over the API", () => {
  it("tells at once what an agent's link negotiated, and what was refused on it", () =>
    withCentral(async (central) => {
      const agent = await joinOver(central, { namespace: "default", name: "web-1" });
      const link = await openControl(central, agent);
      link.send(messageOf(agent.id, 1, described()));
      await link.next();
      link.send(messageOf(AGENT, 2));
      await link.next();
      const { items } = await admin<Items<HistoryView>>(
        central,
        "GET",
        `${HISTORY}?agent=${agent.id}`,
      );
      assert.deepEqual(
        items.map(({ level, group, credential, refused, links, days, lastAddress }) => [
          level,
          group,
          credential,
          refused,
          links,
          days,
          lastAddress,
        ]),
        [
          ["mtls", "X25519MLKEM768", "certificate", null, 1, 1, "127.0.0.1"],
          ["mtls", "X25519MLKEM768", "certificate", "opamp.not_your_id", 1, 1, "127.0.0.1"],
        ],
      );
      assert.deepEqual(
        await admin(central, "GET", `${HISTORY}?agent=${agent.id}&level=plaintext`),
        { items: [] },
      );
    }));

  it("A18: a limit cuts a caller's own part, so that others' agents neither show nor crowd it out", () =>
    withCentral(async (central) => {
      await admin(central, "POST", "/api/v1/namespaces", { name: "lab" });
      for (let at = 0; at < 3; at += 1) await linkAgent(central, "default");
      const mine = await linkAgent(central, "lab");
      const operators = await makeOperators(central, ["lab"]);
      const viewer = operators.find(({ role }) => role === "viewer");
      assert.ok(viewer);
      const answer = await callAs(central, viewer, { method: "GET", path: `${HISTORY}?limit=1` });
      const { items } = JSON.parse(answer.text) as Items<HistoryView>;
      assert.deepEqual(
        items.map(({ agent, namespace }) => [agent, namespace]),
        [[mine, "lab"]],
      );
    }));

  it("refuses what is no kind, level, time or count", () =>
    withCentral(async (central) => {
      const queries = [
        "kind=none",
        "level=none",
        "since=yesterday",
        "limit=0",
        "limit=10001",
        "x=1",
      ];
      const [who] = await makeOperators(central, [""]);
      assert.ok(who);
      for (const query of queries) {
        const path = `${HISTORY}?${query}`;
        assert.equal((await callAs(central, who, { method: "GET", path })).status, 400, query);
      }
    }));

  it("A20: counts strangers by their network", () =>
    withCentral(async (central) => {
      const answer = await poll(central, messageOf(AGENT, 0, described()));
      assert.equal(answer.status, 401);
      interface Attempts {
        readonly network: string;
        readonly code: string;
        readonly attempts: number;
      }
      const { items } = await admin<Items<Attempts>>(central, "GET", "/api/v1/links/strangers");
      assert.deepEqual(
        items.map(({ network, code, attempts }) => [network, code, attempts]),
        [["127.0.0.0/24", "admission.credential_missing", 1]],
      );
    }));
});
