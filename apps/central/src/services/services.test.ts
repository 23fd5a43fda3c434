import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectUnix } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { describe, it } from "node:test";
import {
  createJoint,
  ForwardChannel,
  openForward,
  peerReasonCode,
  refusalCode,
  type StreamEnd,
} from "@tautline/link";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { makeOperator, type TestOperator } from "../api/fixture-operators.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  admin,
  callSecure,
  dialTls,
  joinOver,
  type JoinedAgent,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { createServices } from "./services.ts";

const now = performance.now.bind(performance);
const NOTHING = Buffer.alloc(0);

/** An agent's end of a link on which central opens streams: it says everything back. */
async function serveEcho(
  test: TestCentral,
  agent: JoinedAgent,
  refusal?: TautlineError,
): Promise<{ readonly channel: ForwardChannel; readonly ends: Promise<StreamEnd>[] }> {
  const socket = await dialTls(test.agentsPort, agent.identity);
  const host = `127.0.0.1:${test.agentsPort}`;
  const secured = await openForward({ socket, host, direction: "in" });
  const link = { secured, head: NOTHING, role: "accepter", address: "central", now } as const;
  const channel = new ForwardChannel(link);
  const ends: Promise<StreamEnd>[] = [];
  channel.onOpen((opening) => {
    if (refusal !== undefined) return opening.refuse(refusal);
    const [near, far] = createJoint();
    far.pipe(far);
    opening.accept();
    ends.push(channel.carry(near));
  });
  return { channel, ends };
}

type Way = (test: TestCentral) => Promise<{ readonly socket: Duplex; readonly token?: string }>;

const byConsole =
  ({ token = "" }: TestOperator): Way =>
  async (test) => ({ socket: await dialTls(test.consolePort), token });

const bySocket: Way = async (test) => {
  const socket = connectUnix({ path: join(test.dataDir, "admin.sock") });
  await once(socket, "connect");
  return { socket };
};

async function openLink(
  test: TestCentral,
  way: Way,
  id: string,
  service: string,
): Promise<ForwardChannel> {
  const { socket, token } = await way(test);
  const secured = await openForward({
    socket,
    host: "localhost",
    direction: "out",
    path: `/api/v1/agents/${id}/services/${service}`,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  });
  return new ForwardChannel({ secured, head: NOTHING, role: "opener", address: "central", now });
}

interface Opened {
  readonly program: Duplex;
  readonly end: Promise<StreamEnd>;
}

async function open(channel: ForwardChannel, forward: string): Promise<Opened> {
  await channel.open({ forward });
  const [program, plain] = createJoint();
  program.on("error", () => {});
  return { program, end: channel.carry(plain) };
}

async function heard(program: Duplex): Promise<string> {
  let text = "";
  program.on("data", (part: Buffer) => (text += part.toString("utf8")));
  await once(program, "end");
  return text;
}

interface Row {
  readonly id: string;
  readonly component: string;
  readonly direction: string | null;
  readonly operator: string | null;
  readonly target: string | null;
  readonly level: string;
  readonly up: number;
  readonly down: number;
}

const streamsOf = async (test: TestCentral): Promise<readonly Row[]> =>
  (await admin<{ items: Row[] }>(test, "GET", "/api/v1/links?kind=forward")).items;

const allow = (test: TestCentral, name: string, more: object = {}) =>
  admin(test, "POST", "/api/v1/forwards", { name, direction: "in", ...more });

interface Entry {
  readonly action: string;
  readonly actor: string;
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

const lastOf = async (test: TestCentral, action: string): Promise<Entry | undefined> =>
  (await admin<{ items: Entry[] }>(test, "GET", "/api/v1/audit?limit=1000")).items.find(
    (entry) => entry.action === action,
  );

const codeOf = ({ error }: StreamEnd): string | undefined =>
  error === undefined ? undefined : (peerReasonCode(error) ?? error.code);

describe("a service of an agent, opened by an operator", () => {
  it("carries bytes both ways over the console's port and the admin socket, with each end proven", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      await allow(test, "echo");
      const { ends } = await serveEcho(test, agent);
      const ana = await makeOperator(test, { name: "ana", role: "operator" });
      for (const [way, text] of [
        [byConsole(ana), "over TLS"],
        [bySocket, "over the socket in the data folder"],
      ] as const) {
        const channel = await openLink(test, way, agent.id, "echo");
        const { program, end } = await open(channel, "echo");
        program.end(text);
        assert.equal(await heard(program), text);
        const { verdict, sentBytes, receivedBytes } = await end;
        assert.deepEqual([verdict, sentBytes, receivedBytes], ["clean", text.length, text.length]);
        assert.equal((await ends.at(-1))?.verdict, "clean");
        assert.deepEqual(await streamsOf(test), []);
      }
    }));

  it("stands in the trail before its agent is asked, and in the list of links while it runs", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      await allow(test, "echo");
      const ana = await makeOperator(test, { name: "ana", role: "operator" });
      const refused = await serveEcho(
        test,
        agent,
        new TautlineError("agent.service_unknown", { detail: { service: "echo" } }),
      );
      const channel = await openLink(test, byConsole(ana), agent.id, "echo");
      const refusal = await refusalOf(() => channel.open({ forward: "echo" }));
      assert.match(String(refusal.detail["text"]), /lists no service 'echo'/);
      const { actor, subject, detail } = (await lastOf(test, "forward.opened")) ?? {};
      assert.deepEqual([actor, subject], ["operator:ana", "forward:echo"]);
      assert.deepEqual(
        { ...detail },
        { agentId: agent.id, namespace: "default", from: "127.0.0.1", level: "mtls" },
      );
      refused.channel.destroy(new TautlineError("agent.forward_link_unused"));
      await refused.channel.closed;

      await serveEcho(test, agent);
      const { program, end } = await open(channel, "echo");
      program.write("12345");
      await once(program, "data");
      const [row, ...others] = await streamsOf(test);
      assert.ok(row !== undefined && others.length === 0);
      const { id, component, direction, operator, target, level, up, down } = row;
      assert.deepEqual(
        { component, direction, operator, target, level, up, down },
        {
          component: "echo",
          direction: "in",
          operator: "ana",
          target: null,
          level: "mtls",
          up: 5,
          down: 5,
        },
      );
      assert.equal((await admin<Row>(test, "GET", `/api/v1/links/${id}`)).id, id);
      program.end();
      await end;
    }));

  const endings: [
    what: string,
    code: string,
    how: (test: TestCentral, id: string) => Promise<unknown>,
  ][] = [
    [
      "its allowance is denied",
      "forward.service_not_allowed",
      (test) => admin(test, "DELETE", "/api/v1/forwards/echo"),
    ],
    [
      "its agent is revoked",
      "admission.agent_revoked",
      (test, id) => admin(test, "POST", `/api/v1/agents/${id}/revoke`, {}),
    ],
    [
      "A28: its level is closed",
      "admission.level_not_accepted",
      (test) => admin(test, "PUT", "/api/v1/listeners/agents", { levels: ["basic"] }),
    ],
    [
      "A5: its operator is disabled",
      "forward.operator_ended",
      (test) => admin(test, "POST", "/api/v1/operators/ana/disable"),
    ],
  ];
  for (const [what, code, how] of endings) {
    it(`ends at both ends with the reason when ${what}`, () =>
      withCentral(
        async (test) => {
          const agent = await joinOver(test);
          await allow(test, "echo");
          const { ends } = await serveEcho(test, agent);
          const ana = await makeOperator(test, { name: "ana", role: "operator" });
          const channel = await openLink(test, byConsole(ana), agent.id, "echo");
          const { program, end } = await open(channel, "echo");
          program.write("x");
          await once(program, "data");
          await how(test, agent.id);
          assert.equal(codeOf(await end), code);
          const [atAgent] = ends;
          assert.ok(atAgent !== undefined);
          assert.equal(codeOf(await atAgent), code);
        },
        { keyText: "a text that both ends were given" },
      ));
  }

  it("F1: an operator that vanishes ends it at the agent, and an agent that vanishes at the operator, as a cut", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      await allow(test, "echo");
      const socketOf = async () => (await bySocket(test)).socket;
      for (const side of ["operator", "agent"] as const) {
        const served = await serveEcho(test, agent);
        const socket = await socketOf();
        const channel = await openLink(test, () => Promise.resolve({ socket }), agent.id, "echo");
        const { program, end } = await open(channel, "echo");
        program.write("x");
        await once(program, "data");
        if (side === "operator") {
          socket.destroy();
          const [atAgent] = served.ends;
          assert.ok(atAgent !== undefined);
          assert.equal(codeOf(await atAgent), "forward.cut");
        } else {
          served.channel.destroy(
            new TautlineError("agent.forward_stopping", { detail: { forward: "echo" } }),
          );
          assert.equal((await end).verdict, "forward.reset");
        }
      }
    }));

  it("is opened by nobody where it is not allowed, or to another role, namespace or name", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      await admin(test, "POST", "/api/v1/namespaces", { name: "lab" });
      await allow(test, "echo", { operatorRole: "admin" });
      await admin(test, "POST", "/api/v1/forwards", { name: "db", target: "192.0.2.1:1" });
      await serveEcho(test, agent);
      const operator = await makeOperator(test, { name: "ana", role: "operator" });
      const viewer = await makeOperator(test, { name: "bo", role: "viewer" });
      const elsewhere = await makeOperator(test, { name: "cy", role: "admin", namespace: "lab" });
      const nobody = { ...operator, token: "none" };
      const cases: [who: TestOperator, service: string, code: string][] = [
        [operator, "echo", "api.forbidden"],
        [operator, "other", "forward.service_not_allowed"],
        [operator, "db", "forward.service_not_allowed"],
        [operator, "No-Name", "value.forward_name"],
        [viewer, "echo", "api.forbidden"],
        [elsewhere, "echo", "api.not_found"],
        [nobody, "echo", "api.login_required"],
      ];
      for (const [who, service, code] of cases) {
        const refusal = await refusalOf(() => openLink(test, byConsole(who), agent.id, service));
        assert.equal(refusalCode(refusal), code, `${who.name} ${service}`);
      }
      assert.equal(await lastOf(test, "forward.opened"), undefined);
      const channel = await openLink(test, bySocket, agent.id, "echo");
      const refusal = await channel.open({ forward: "other" }).catch((error: unknown) => error);
      assert.ok(isTautlineError(refusal));
      assert.equal(peerReasonCode(refusal), "forward.malformed");
    }));

  it("is opened as often at once as its allowance says, and no more", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      await allow(test, "echo", { maxStreams: 1 });
      await serveEcho(test, agent);
      await serveEcho(test, agent);
      const first = await openLink(test, bySocket, agent.id, "echo");
      await open(first, "echo");
      const second = await openLink(test, bySocket, agent.id, "echo");
      const refusal = await refusalOf(() => second.open({ forward: "echo" }));
      assert.equal(peerReasonCode(refusal), "forward.too_many");
      for (const channel of [first, second]) channel.destroy(refusal);
    }));
});

describe("operators whose time is over", () => {
  it("A5: are shown out, and whoever may still do what they do goes on", async () => {
    const services = createServices({} as Parameters<typeof createServices>[0]);
    const opened = ["ana", "bo", "local"].map((name) => {
      const [socket, far] = createJoint();
      const who = { name, role: "operator", namespace: "" } as const;
      const agent = { id: "a", namespace: "default" };
      services.serve({ who, agent, service: "echo", from: "192.0.2.1" }, { socket, head: NOTHING });
      const link = {
        secured: far,
        head: NOTHING,
        role: "opener",
        address: "central",
        now,
      } as const;
      return new ForwardChannel(link);
    });
    services.endOthers((name) => name === "bo");
    const reason = await opened[0]?.closed;
    assert.equal(reason && peerReasonCode(reason), "forward.operator_ended");
    assert.deepEqual(
      opened.map(({ state }) => state),
      ["ended", "idle", "idle"],
    );
    await services.stop();
    for (const { closed } of opened) assert.equal((await closed)?.code, "forward.closed");
  });
});

describe("the address of a service", () => {
  it("says what it takes to whoever may open it and asks in plain HTTP (RFC 9110 section 15.5.22)", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      await allow(test, "echo");
      const ana = await makeOperator(test, { name: "ana", role: "operator" });
      const ask = (headers: Record<string, string>, path = "echo") =>
        callSecure({
          port: test.consolePort,
          path: `/api/v1/agents/${agent.id}/services/${path}`,
          headers: { authorization: `Bearer ${ana.token ?? ""}`, ...headers },
        });
      const plain = await ask({});
      assert.deepEqual([plain.status, problemCode(plain)], [426, "api.upgrade_required"]);
      assert.equal(plain.headers.upgrade, "tautline-forward");
      const other = await ask({ connection: "Upgrade", upgrade: "websocket" });
      assert.deepEqual([other.status, problemCode(other)], [400, "api.invalid"]);
      const query = await ask({ connection: "Upgrade", upgrade: "tautline-forward" }, "echo?x=1");
      assert.deepEqual([query.status, problemCode(query)], [400, "api.invalid"]);
    }));

  it("A8: spelt in another way it is judged as whatever else is not there", () =>
    withCentral(async (test) => {
      for (const path of [
        "/API/v1/agents/a/services/b",
        "/api/v1/agents//services/b",
        "/api/v1/agents/%zz/services/b",
        "/api/v1/agents/a/services/b/",
      ]) {
        const answer = await callSecure({
          port: test.consolePort,
          path,
          headers: { connection: "Upgrade", upgrade: "tautline-forward" },
        });
        assert.deepEqual([answer.status, problemCode(answer)], [401, "api.login_required"], path);
      }
    }));
});
