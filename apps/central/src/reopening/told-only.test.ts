import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  FORWARD_HEADER,
  FORWARD_PATH,
  FORWARD_PROTOCOL,
  RECEIVER_PATH,
  RECEIVER_PROTOCOL,
} from "@tautline/link";
import { fromWireText, OPEN_POLICY } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import type { CentralConfig } from "../config.ts";
import { described, joinMessage, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  bearer,
  callAdmin,
  joinOver,
  newToken,
  openControl,
  openJoining,
  openLink,
  type OpampLink,
  problemCode,
  runOn,
  startOn,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { makeJoiner } from "../fixture-core.test.ts";
import { ask, closed, request, told } from "../listeners/fixture-callers.test.ts";
import {
  dialFrom,
  ELSEWHERE,
  endReopening,
  linkFrom,
  plaintextOf,
  reopen,
  SITE,
  shownReopening,
  toldTo,
} from "./fixture-stranded.test.ts";

interface ShownAgent {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly level: string | null;
  readonly lastSeenAt: string | null;
  readonly attributes?: object;
}

const itemsOf = async <T>(test: TestCentral, path: string): Promise<readonly T[]> =>
  (await admin<{ items: T[] }>(test, "GET", path)).items;

const newId = (): string => makeJoiner().id;

/** What a link is told last, and how it is closed. */
async function endOf(link: OpampLink): Promise<string> {
  const { errorResponse, customMessage } = await link.next();
  assert.equal(customMessage, undefined);
  const said = fromWireText(errorResponse?.errorMessage ?? "").code;
  const { code, reason } = await link.closed;
  assert.equal(said, reason);
  return `${code} ${reason}`;
}

/** One request from an address; status and code of its answer. */
async function answerTo(port: number, from: string, text: string): Promise<string> {
  const socket = await dialFrom(port, from);
  const answer = await ask(socket, text);
  socket.destroy();
  return told(answer);
}

const upgradeTo = (path: string, protocol: string): string =>
  request(`GET ${path}`, { connection: "upgrade", upgrade: protocol, [FORWARD_HEADER]: "out" });

const UPGRADE = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };

/** Somebody who waits for approval. */
async function candidateOf(test: TestCentral): Promise<{ readonly id: string }> {
  const joiner = makeJoiner("candidate");
  const link = await openJoining(test, await newToken(test, { approve: true }));
  link.send(joinMessage(joiner.request));
  await link.next();
  link.close();
  return joiner;
}

/** Looks until something holds: central does it by its clock. */
async function until(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await new Promise((next) => setImmediate(next));
}

const isClosed = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", localAddress: SITE });
    socket.once("error", () => resolve(true));
    socket.once("connect", () => resolve(false)).once("connect", () => socket.destroy());
  });

describe("plaintext re-opened to a site", () => {
  it("A25: a stranded agent is told where it can join, by central's addresses and the pin of its root, and gets no link", () =>
    withCentral(async (test) => {
      assert.deepEqual((await plaintextOf(test)).addresses, []);
      const { id: number } = await reopen(test);
      const listener = await plaintextOf(test);
      assert.deepEqual([listener.bind, listener.levels, listener.reopened], ["off", [], true]);
      const id = newId();
      const link = await linkFrom(test, SITE);
      const offer = await toldTo(link, id);
      assert.equal(await endOf(link), "1008 admission.only_told");
      const { rootPin } = await admin<{ rootPin: string }>(test, "GET", "/api/v1/status");
      assert.deepEqual(
        offer.pins.map((pin) => Buffer.from(pin).toString("hex")),
        [rootPin],
      );
      assert.deepEqual(await itemsOf(test, "/api/v1/links"), []);
      const [agent, ...others] = await itemsOf<ShownAgent>(test, "/api/v1/agents");
      assert.deepEqual(others, []);
      assert.deepEqual(
        [agent?.id, agent?.name, agent?.state, agent?.level],
        [id, "hub-7", "unproven", "plaintext"],
      );
      assert.notEqual(agent?.lastSeenAt, null);
      assert.ok(offer.addresses.some((each) => each.endsWith(`:${test.agentsPort}`)));
      const page = await admin<ShownAgent>(test, "GET", `/api/v1/agents/${id}`);
      assert.deepEqual(page.attributes, {}, "what else it says is not kept");
      const shown = await shownReopening(test, number);
      assert.deepEqual(
        [shown.told, shown.agents.map((each) => [each.id, each.address])],
        [1, [[id, SITE]]],
      );
      const [policy] = await itemsOf<{ changedAt: string | null }>(test, "/api/v1/policy");
      assert.equal(policy?.changedAt, null, "the policy is as it was");
    }));

  it("A25: over polling as well; the trail has when it began and ended and whom it told, once each", () =>
    withCentral(async (test) => {
      const { id: number } = await reopen(test);
      const { port } = await plaintextOf(test);
      const id = newId();
      for (const seq of [1, 2]) {
        const body = Buffer.from(messageOf(id, seq, described()));
        const head = request("POST /v1/opamp", {
          "content-type": "application/x-protobuf",
          "content-length": String(body.length),
          connection: "close",
        });
        const socket = await dialFrom(port, SITE);
        socket.write(head);
        socket.write(body);
        const answer = await ask(socket, "");
        assert.match(answer, /^HTTP\/1\.1 200 /);
        assert.match(answer, /io\.tautline\.promotion/);
      }
      assert.deepEqual(await itemsOf(test, "/api/v1/links"), []);
      await endReopening(test, number);
      const entries = await itemsOf<{ action: string; subject: string; actor: string }>(
        test,
        "/api/v1/audit",
      );
      const seen = entries
        .filter(({ action }) => /reopen|told/.test(action))
        .map(({ action, subject, actor }) => `${action} ${subject} ${actor}`);
      assert.deepEqual(seen.toSorted(), [
        `agent.told-to-join agent:${id} central`,
        `policy.reopened reopening:${number} operator:local`,
        `policy.reopening-ended reopening:${number} operator:local`,
      ]);
      await admin(test, "DELETE", `/api/v1/agents/${id}`);
      assert.deepEqual((await shownReopening(test, number)).agents, [], "it is forgotten here too");
    }));

  it("A25: who calls from elsewhere is refused in the words of a port that does not accept plaintext, and leaves nothing", () =>
    withCentral(async (test) => {
      await reopen(test);
      const { port } = await plaintextOf(test);
      const upgrade = request("GET /v1/opamp", UPGRADE);
      const other = await answerTo(test.agentsPort, ELSEWHERE, upgrade);
      assert.equal(await answerTo(port, ELSEWHERE, upgrade), other);
      assert.equal(other, "426 admission.level_not_accepted");
      assert.deepEqual(await itemsOf(test, "/api/v1/agents"), []);
      const token = await newToken(test);
      const { authorization } = bearer(token);
      const shows = request("GET /v1/opamp", { ...UPGRADE, authorization });
      assert.equal(await answerTo(port, ELSEWHERE, shows), "403 admission.token_exposed");
    }));

  it("A25: agents that dial the secure port in plaintext are told there too", () =>
    withCentral(async (test) => {
      await reopen(test);
      const link = await linkFrom(test, SITE, test.agentsPort);
      await toldTo(link, newId());
      assert.equal(await endOf(link), "1008 admission.only_told");
    }));

  it("A24: nothing but that is to be had: no forward, no receiver, no API, no join, no answer to a proof", () =>
    withCentral(async (test) => {
      await reopen(test);
      const { port } = await plaintextOf(test);
      for (const [path, protocol] of [
        [FORWARD_PATH, FORWARD_PROTOCOL],
        [RECEIVER_PATH, RECEIVER_PROTOCOL],
      ] as const) {
        const answer = await answerTo(port, SITE, upgradeTo(path, protocol));
        assert.equal(answer, "426 admission.level_not_accepted", path);
      }
      assert.equal(await answerTo(port, SITE, request("GET /api/v1/agents")), "404 api.no_route");
      const token = await newToken(test);
      const joining = request("GET /v1/opamp", { ...UPGRADE, ...bearer(token) });
      assert.equal(await answerTo(port, SITE, joining), "403 admission.token_exposed");
      const [{ revokedAt } = { revokedAt: null }] = await itemsOf<{ revokedAt: string | null }>(
        test,
        "/api/v1/tokens",
      );
      assert.notEqual(revokedAt, null, "whoever listened has it");
      const proving = request("GET /v1/opamp", { ...UPGRADE, "tautline-proof": "none" });
      assert.equal(await answerTo(port, SITE, proving), "426 admission.level_not_accepted");
    }));

  it("A24: nobody takes an id that has or had an identity: enrolled, quarantined, declined, revoked, deleted", () =>
    withCentral(async (test) => {
      await reopen(test);
      const states = ["enrolled", "quarantine", "revoke", "delete", "decline"] as const;
      for (const state of states) {
        const { id } = state === "decline" ? await candidateOf(test) : await joinOver(test);
        if (state === "decline") await admin(test, "POST", `/api/v1/agents/${id}/decline`);
        if (state === "quarantine" || state === "revoke") {
          await admin(test, "POST", `/api/v1/agents/${id}/${state}`);
        }
        if (state === "delete") await admin(test, "DELETE", `/api/v1/agents/${id}?force=true`);
        const link = await linkFrom(test, SITE);
        link.send(messageOf(id, 1, described()));
        assert.equal(await endOf(link), "1008 admission.id_enrolled", state);
        const others = await linkFrom(test, SITE);
        others.send(messageOf(id, 2));
        assert.equal(await endOf(others), "1008 admission.id_enrolled", state);
      }
    }));

  it("A24: an enrolled agent that is linked goes on as it is", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 1, described()));
      await link.next();
      const { id } = await reopen(test);
      const [before] = await itemsOf<{ id: string; level: string }>(test, "/api/v1/links");
      await endReopening(test, id);
      const [after] = await itemsOf<{ id: string; level: string }>(test, "/api/v1/links");
      assert.deepEqual([after?.id, after?.level], [before?.id, "mtls"]);
      link.close();
    }));

  it("an end closes the port that nothing else needs, and cuts whoever is on it", () =>
    withCentral(async (test) => {
      const { id } = await reopen(test);
      const { port } = await plaintextOf(test);
      const asking = await dialFrom(port, SITE);
      asking.write("GET /v1/opamp HTTP/1.1\r\n");
      // Central has taken it when it has answered one that came later.
      const silent = await linkFrom(test, SITE);
      await endReopening(test, id);
      assert.deepEqual((await plaintextOf(test)).addresses, []);
      assert.equal(await isClosed(port), true);
      assert.equal((await silent.closed).code, 1008);
      await closed(asking);
    }));

  it("of two that overlap each holds by itself, and whom both cover both have told", () =>
    withCentral(async (test) => {
      const wide = await reopen(test, ["127.0.0.0/8"]);
      const narrow = await reopen(test);
      const id = newId();
      await toldTo(await linkFrom(test, SITE), id);
      for (const each of [wide, narrow])
        assert.equal((await shownReopening(test, each.id)).told, 1);
      await endReopening(test, wide.id);
      const upgrade = request("GET /v1/opamp", UPGRADE);
      const { port } = await plaintextOf(test);
      assert.equal(await answerTo(port, ELSEWHERE, upgrade), "426 admission.level_not_accepted");
      await toldTo(await linkFrom(test, SITE), newId());
      assert.equal((await shownReopening(test, wide.id)).told, 1);
      assert.equal((await shownReopening(test, narrow.id)).told, 2);
    }));

  it("F8: ends at its deadline by central's clock, at once for who calls and a moment later for the port", () =>
    withCentral(async (test) => {
      const { id } = await reopen(test, [`${SITE}/32`], 60_000);
      const { port } = await plaintextOf(test);
      const socket = await dialFrom(port, SITE);
      test.clock.advance(60_000);
      socket.write(request("GET /v1/opamp", UPGRADE));
      await closed(socket);
      await until(() => isClosed(port));
      await until(async () => (await shownReopening(test, id)).endedBy === "central");
      // What has ended stays so, whatever the clock says.
      test.clock.advance(-60_000);
      const again = await reopen(test, ["203.0.113.0/24"]);
      const at = await plaintextOf(test);
      const upgrade = request("GET /v1/opamp", UPGRADE);
      assert.equal(await answerTo(at.port, SITE, upgrade), "426 admission.level_not_accepted");
      assert.equal((await endReopening(test, again.id)).endedBy, "operator:local");
      assert.equal((await endReopening(test, id)).endedBy, "central", "it had ended already");
    }));

  it("outlives a restart of central, and ends by its deadline while central is off", () =>
    withTempFolder(async (folder) => {
      const data = join(folder, "data");
      const first = await startOn(data);
      const { id } = await reopen(first, [`${SITE}/32`], 60_000);
      await first.central.stop();
      const { clock } = first;
      await runOn(
        data,
        async (test) => {
          await until(async () => (await plaintextOf(test)).addresses.length > 0);
          await toldTo(await linkFrom(test, SITE), newId());
          clock.advance(59_000);
        },
        { clock },
      );
      clock.advance(1_000);
      await runOn(
        data,
        async (test) => {
          await until(async () => (await shownReopening(test, id)).endedBy === "central");
          assert.deepEqual((await plaintextOf(test)).addresses, []);
        },
        { clock },
      );
    }));

  it("what cannot be opened is refused, and nothing is open then", () =>
    withCentral(async (test) => {
      const bad: [body: object, code: string][] = [
        [{ from: ["0.0.0.0/0"], forMs: 60_000 }, "policy.source_range"],
        [{ from: ["192.0.2.7/24"], forMs: 60_000 }, "policy.source_range"],
        [{ from: [], forMs: 60_000 }, "api.invalid"],
        [{ from: ["192.0.2.0/24"], forMs: 24 * 3_600_000 + 1 }, "api.invalid"],
        [{ from: ["192.0.2.0/24"], forMs: 999 }, "api.invalid"],
        [
          { from: Array.from({ length: 17 }, (_, at) => `192.0.2.${at}/32`), forMs: 60_000 },
          "api.invalid",
        ],
      ];
      for (const [body, code] of bad) {
        const answer = await callAdmin(test, "POST", "/api/v1/policy/reopenings", body);
        assert.equal(problemCode(answer), code);
      }
      for (let at = 0; at < 16; at += 1) await reopen(test, [`192.0.2.${at}`]);
      const body = { from: ["192.0.2.99"], forMs: 60_000 };
      const full = await callAdmin(test, "POST", "/api/v1/policy/reopenings", body);
      assert.equal(problemCode(full), "policy.reopenings_full");
      const missing = await callAdmin(test, "GET", "/api/v1/policy/reopenings/99");
      assert.equal(problemCode(missing), "policy.reopening_unknown");
      const noNumber = await callAdmin(test, "POST", "/api/v1/policy/reopenings/x/end");
      assert.equal(problemCode(noNumber), "policy.reopening_unknown");
    }));
});

/** Every level on one port, and a policy that asks for mtls. */
const shared = {
  change: (config: CentralConfig): CentralConfig => ({
    ...config,
    agents: { ...config.agents, levels: ["plaintext", "tls", "mtls"] },
  }),
};

describe("plaintext that is listened to and that the policy refuses", () => {
  it("A25: who is excepted has its link, who is stranded is told at the site, and elsewhere refused by the policy", () =>
    withCentral(async (test) => {
      const { stored, change } = test.central.policies;
      const policy = { ...OPEN_POLICY, accept: ["mtls"], loopback: "off" } as const;
      const excepted = newId();
      const before = await linkFrom(test, SITE, test.agentsPort);
      before.send(messageOf(excepted, 1, described()));
      await before.next();
      await change(async (trx) => {
        const order = { namespace: "default", kind: "control", policy, actor: "operator:ana" };
        await stored.setPolicy(trx, { ...order, kind: "control", atMs: 0 });
        const why = { reason: "test", changeId: null, sinceMs: 0 };
        const one = { agentId: excepted, kind: "control", level: "plaintext", ...why } as const;
        await stored.addException(trx, one);
      });
      await reopen(test);
      const link = await openLink(test, await dialFrom(test.agentsPort, SITE));
      await toldTo(link, newId());
      assert.equal(await endOf(link), "1008 admission.only_told");
      const other = await openLink(test, await dialFrom(test.agentsPort, ELSEWHERE));
      other.send(messageOf(newId(), 1, described()));
      assert.equal(await endOf(other), "1008 policy.level_refused");
      const again = await openLink(test, await dialFrom(test.agentsPort, SITE));
      again.send(messageOf(excepted, 1, described()));
      assert.equal((await again.next()).customMessage, undefined);
      const links = await itemsOf<{ agent: string }>(test, "/api/v1/links");
      assert.deepEqual(
        links.map(({ agent }) => agent),
        [excepted],
      );
      for (const each of [before, again]) each.close();
      await once(again.socket, "close");
    }, shared));
});
