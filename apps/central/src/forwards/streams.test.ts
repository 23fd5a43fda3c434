import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ForwardChannel, openForward, peerReasonCode, type StreamEnd } from "@tautline/link";
import { isTautlineError, type TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import {
  admin,
  callAdmin,
  callSecure,
  dialTls,
  joinOver,
  type JoinedAgent,
  problemCode,
  runOn,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";

interface LinkRow {
  readonly id: string;
  readonly kind: string;
  readonly component: string;
  readonly target: string | null;
  readonly level: string;
  readonly group: string | null;
  readonly up: number | null;
  readonly down: number | null;
}

/** A server that says everything back, and how it can be told apart from others. */
async function withEcho(use: (port: number, server: Server) => Promise<void>): Promise<void> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use((server.address() as AddressInfo).port, server);
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

const allow = (test: TestCentral, name: string, port: number, more: object = {}) =>
  admin(test, "POST", "/api/v1/forwards", { name, target: `127.0.0.1:${port}`, ...more });

/** The agent's end of a link for forwards. */
async function openLink(test: TestCentral, agent: JoinedAgent): Promise<ForwardChannel> {
  const socket = await dialTls(test.agentsPort, agent.identity);
  const address = `127.0.0.1:${test.agentsPort}`;
  const secured = await openForward({ socket, host: address, direction: "out" });
  const now = performance.now.bind(performance);
  return new ForwardChannel({ secured, head: Buffer.alloc(0), role: "opener", address, now });
}

interface Carried {
  /** The program's end. */
  readonly program: Socket;
  readonly end: Promise<StreamEnd>;
}

/** Opens a stream for a program of the agent's host. */
async function openStream(channel: ForwardChannel, forward: string): Promise<Carried> {
  await channel.open({ forward });
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const program = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  program.on("error", () => {});
  const [plain] = (await once(server, "connection")) as [Socket];
  server.close();
  return { program, end: channel.carry(plain) };
}

async function heard(program: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of program) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

async function refusalOfOpen(channel: ForwardChannel, forward: string): Promise<TautlineError> {
  try {
    await channel.open({ forward });
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return error;
  }
  return assert.fail("the stream was opened");
}

const setLevels = (test: TestCentral, levels: readonly string[]) =>
  admin(test, "PUT", "/api/v1/listeners/agents", { levels });

/** Why a connection was closed: the code of its error, or that there was none. */
function resetOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("close", () => resolve("closed without an error"));
  });
}

const streamsOf = async (test: TestCentral): Promise<readonly LinkRow[]> =>
  (await admin<{ items: LinkRow[] }>(test, "GET", "/api/v1/links?kind=forward")).items;

interface Entry {
  readonly action: string;
  readonly actor: string;
  readonly subject: string;
  readonly detail: object;
}

const auditOf = async (test: TestCentral, action: string): Promise<Entry[]> => {
  const { items } = await admin<{ items: Entry[] }>(test, "GET", "/api/v1/audit?limit=1000");
  return items.filter((entry) => entry.action === action);
};

describe("streams of forwards at central", () => {
  it("carry bytes to the allowed target and back, one after the other, and each end is proven", () =>
    withCentral((test) =>
      withEcho(async (port) => {
        await allow(test, "echo", port);
        const channel = await openLink(test, await joinOver(test));
        for (const text of ["first", "second, over the same link"]) {
          const { program, end } = await openStream(channel, "echo");
          program.end(text);
          assert.equal(await heard(program), text);
          const { verdict, sentBytes, receivedBytes } = await end;
          assert.deepEqual(
            [verdict, sentBytes, receivedBytes],
            ["clean", text.length, text.length],
          );
        }
        assert.equal(channel.state, "idle");
      }),
    ));

  it("are listed with evidence, target and bytes while they run, and shown by their id", () =>
    withCentral((test) =>
      withEcho(async (port) => {
        await allow(test, "echo", port);
        const channel = await openLink(test, await joinOver(test));
        const { program, end } = await openStream(channel, "echo");
        program.write("12345");
        await once(program, "data");
        const [row, ...others] = await streamsOf(test);
        assert.ok(row !== undefined && others.length === 0);
        const { id, ...shown } = row;
        const { kind, component, target, level, group, up, down } = shown;
        assert.deepEqual(
          { kind, component, target, level, group, up, down },
          {
            kind: "forward",
            component: "echo",
            target: `127.0.0.1:${port}`,
            level: "mtls",
            group: "X25519MLKEM768",
            up: 5,
            down: 5,
          },
        );
        assert.equal((await admin<LinkRow>(test, "GET", `/api/v1/links/${id}`)).id, id);
        program.end();
        await end;
        assert.deepEqual(await streamsOf(test), []);
      }),
    ));

  it("are refused by name where nothing is allowed, and the link goes on", () =>
    withCentral((test) =>
      withEcho(async (port) => {
        const channel = await openLink(test, await joinOver(test));
        const refused = await refusalOfOpen(channel, "echo");
        assert.equal(refused.code, "forward.refused");
        assert.equal(peerReasonCode(refused), "forward.not_allowed");
        await allow(test, "echo", port);
        const { program, end } = await openStream(channel, "echo");
        program.end();
        assert.equal((await end).verdict, "clean");
      }),
    ));

  it("never reach central's own ports, this host by way of a name, nor a cloud's metadata", () =>
    withCentral(async (test) => {
      const channel = await openLink(test, await joinOver(test));
      const { consolePort, agentsPort } = test;
      const metadata = { name: "metadata", target: "169.254.169.254:80" };
      const denied = await callAdmin(test, "POST", "/api/v1/forwards", metadata);
      assert.deepEqual([denied.status, problemCode(denied)], [403, "forward.target_forbidden"]);
      const targets = [
        `localhost:${consolePort}`,
        "localhost:1",
        `127.0.0.1:${agentsPort}`,
        `127.0.0.1:${consolePort}`,
      ];
      for (const [index, target] of targets.entries()) {
        const name = `forbidden-${index}`;
        await admin(test, "POST", "/api/v1/forwards", { name, target });
        const refused = await refusalOfOpen(channel, name);
        assert.equal(peerReasonCode(refused), "forward.target_forbidden");
        assert.doesNotMatch(String(refused.detail["text"]), /127\.0\.0\.1|::1/);
      }
    }));

  it("end within the same second when what they go by is denied, with the reason at the agent", () =>
    withCentral((test) =>
      withEcho(async (port) => {
        await allow(test, "echo", port);
        const channel = await openLink(test, await joinOver(test));
        const { program, end } = await openStream(channel, "echo");
        const closed = new Promise((resolve) => program.once("close", resolve));
        await admin(test, "DELETE", "/api/v1/forwards/echo");
        const { verdict, error } = await end;
        assert.equal(verdict, "forward.reset");
        assert.equal(
          error === undefined ? undefined : peerReasonCode(error),
          "forward.not_allowed",
        );
        await closed;
        assert.deepEqual(await streamsOf(test), []);
      }),
    ));

  it("end when their agent is revoked, as its control link does", () =>
    withCentral((test) =>
      withEcho(async (port) => {
        await allow(test, "echo", port);
        const agent = await joinOver(test);
        const channel = await openLink(test, agent);
        const { end } = await openStream(channel, "echo");
        await admin(test, "POST", `/api/v1/agents/${agent.id}/revoke`, {});
        const { error } = await end;
        assert.ok(error !== undefined);
        assert.equal(peerReasonCode(error), "admission.agent_revoked");
        assert.equal(isTautlineError(await channel.closed), true);
      }),
    ));

  it("A28: end when their level is closed, with the reason at both ends; program and target are reset", () =>
    withCentral(
      (test) =>
        withEcho(async (port, server) => {
          await allow(test, "echo", port);
          const channel = await openLink(test, await joinOver(test));
          const arrived = once(server, "connection") as Promise<[Socket]>;
          const { program, end } = await openStream(channel, "echo");
          const [target] = await arrived;
          const resets = [program, target].map(resetOf);
          // An agent at mtls is heard where tls is: proof is never too much.
          await setLevels(test, ["basic", "tls"]);
          program.write("12345");
          await once(program, "data");
          await setLevels(test, ["basic"]);
          const { verdict, error } = await end;
          assert.equal(verdict, "forward.reset");
          assert.ok(error !== undefined);
          assert.equal(peerReasonCode(error), "admission.level_not_accepted");
          assert.equal(isTautlineError(await channel.closed), true);
          assert.deepEqual(await Promise.all(resets), ["ECONNRESET", "ECONNRESET"]);
          const told = test.lines.find(({ code }) => code === "admission.level_not_accepted");
          assert.ok(told !== undefined, "central's log does not say why");
          assert.deepEqual(await streamsOf(test), []);
        }),
      { keyText: "a text that both ends were given" },
    ));

  it("are as many as their allowance says, and one more is refused by the limit", () =>
    withCentral((test) =>
      withEcho(async (port) => {
        await allow(test, "echo", port, { maxStreams: 2 });
        const agent = await joinOver(test);
        const channels = [await openLink(test, agent), await openLink(test, agent)];
        for (const channel of channels) await openStream(channel, "echo");
        const third = await openLink(test, agent);
        const refused = await refusalOfOpen(third, "echo");
        assert.equal(peerReasonCode(refused), "forward.too_many");
        for (const channel of channels) channel.destroy(refused);
      }),
    ));

  it("leave one entry for each agent, forward and target in the trail when central stops", () =>
    withTempFolder((folder) =>
      withEcho(async (port) => {
        const dataDir = join(folder, "central");
        let id = "";
        await runOn(dataDir, async (test) => {
          await allow(test, "echo", port);
          const agent = await joinOver(test);
          id = agent.id;
          const channel = await openLink(test, agent);
          for (let each = 0; each < 3; each += 1) {
            const { program, end } = await openStream(channel, "echo");
            program.end("abcd");
            await heard(program);
            await end;
          }
        });
        await runOn(dataDir, async (test) => {
          const [used, ...more] = await auditOf(test, "forward.used");
          assert.ok(used !== undefined && more.length === 0);
          assert.deepEqual([used.actor, used.subject], [`agent:${id}`, "forward:echo"]);
          const carried = { namespace: "default", target: `127.0.0.1:${port}` };
          const counts = { streams: 3, broken: 0, up: 12, down: 12 };
          assert.deepEqual({ ...used.detail }, { ...carried, ...counts });
        });
      }),
    ));
});

describe("the upgrade to forwards", () => {
  it("is for agents with an identity: nobody else is let in", () =>
    withCentral(async (test) => {
      const headers = {
        upgrade: "tautline-forward",
        connection: "Upgrade",
        "tautline-forward": "out",
      };
      const answer = await callSecure({ port: test.agentsPort, path: "/v1/forward", headers });
      assert.deepEqual([answer.status, problemCode(answer)], [401, "admission.credential_missing"]);
    }));

  it("is refused where it asks for something else", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      for (const headers of [
        { upgrade: "websocket", "tautline-forward": "out" },
        { upgrade: "tautline-forward", "tautline-forward": "sideways" },
        { upgrade: "tautline-forward" },
      ]) {
        const answer = await callSecure({
          port: test.agentsPort,
          path: "/v1/forward",
          ...agent.identity,
          headers: { connection: "Upgrade", ...headers },
        });
        assert.deepEqual([answer.status, problemCode(answer)], [400, "api.invalid"]);
        assert.match(answer.text, /upgrade: it takes 'Upgrade: tautline-forward' with/);
      }
    }));
});
