import assert from "node:assert/strict";
import { connect as connectHttp2, constants } from "node:http2";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { BASIC_MAGIC } from "@tautline/link";
import { formatTimestamp, isTautlineError, type Level, TIME_HEADER } from "@tautline/protocol";
import type { CentralConfig } from "../config.ts";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  bearer,
  callAdmin,
  callSecure,
  dialTls,
  joinOver,
  newToken,
  openControl,
  openJoining,
  poll,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import {
  ask,
  closed,
  dialAtAdvanced,
  dialAtBasic,
  dialTcp,
  KEY_TEXT,
  POLL,
  request,
  told,
} from "./fixture-callers.test.ts";
import type { ListenerView } from "./listeners.ts";

/** A proof that is none: where nothing binds a link, it is asked for anew. */
const UNKNOWN = /^(?:400 pki\.proof_malformed|401 admission\.proof_challenged)$/;

const accepting =
  (...levels: Level[]) =>
  (config: CentralConfig): CentralConfig => ({ ...config, agents: { ...config.agents, levels } });
const inTheOpen =
  (bind: "public" | "loopback") =>
  (config: CentralConfig): CentralConfig => ({
    ...config,
    plaintext: { bind, host: "127.0.0.1", port: 0 },
  });

const set = (test: TestCentral, name: string, change: object): Promise<ListenerView> =>
  admin<ListenerView>(test, "PUT", `/api/v1/listeners/${name}`, change);
const list = async (test: TestCentral): Promise<readonly ListenerView[]> =>
  (await admin<{ items: ListenerView[] }>(test, "GET", "/api/v1/listeners")).items;
const portOf = ({ addresses }: ListenerView): number =>
  Number(/:(\d+)$/.exec(addresses[0] ?? "")?.[1]);
const plaintextPort = async (test: TestCentral): Promise<number> =>
  portOf((await list(test))[1] as ListenerView);
const failureOf = async (attempt: Promise<unknown>): Promise<string> => {
  const error: unknown = await attempt.then(
    () => "none",
    (reason: unknown) => reason,
  );
  return isTautlineError(error) ? error.code : String(error);
};

/** One port for both. */
const equal = (config: CentralConfig): CentralConfig => ({
  ...config,
  agents: { ...config.agents, port: 1 },
  plaintext: { bind: "public", host: "127.0.0.1", port: 1 },
});

/** With a short time for beginnings. */
const quick =
  (change: (config: CentralConfig) => CentralConfig) =>
  (config: CentralConfig): CentralConfig => {
    const changed = change(config);
    return { ...changed, agents: { ...changed.agents, handshakeTimeout: 50 } };
  };

/** Asks with each of the first bytes in a segment of its own. */
const say = async (socket: Socket): Promise<string> => {
  const [first = "", ...rest] = POLL;
  socket.write(first);
  for (const letter of rest.slice(0, 8)) {
    await new Promise(setImmediate);
    socket.write(letter);
  }
  return ask(socket, rest.slice(8).join(""));
};

describe("the agents' port, by the levels it is set to", () => {
  it("a fresh install speaks tls and mtls on it, and no plaintext anywhere", () =>
    withCentral(async (test) => {
      const address = `127.0.0.1:${test.agentsPort}`;
      assert.deepEqual(await list(test), [
        {
          name: "agents",
          bind: "public",
          addresses: [address],
          levels: ["tls", "mtls"],
          shared: false,
          reopened: false,
          links: 0,
        },
        ...["plaintext", "receiver", "receiver-plaintext"].map((name) => ({
          name,
          bind: "off",
          addresses: [],
          levels: [],
          shared: false,
          reopened: false,
          links: 0,
        })),
      ]);
    }));

  it("serves HTTP at every level that is accepted, each on the same port", () =>
    withCentral(
      async ({ agentsPort }) => {
        const { stream: basic } = await dialAtBasic(agentsPort);
        assert.match(told(await ask(basic, POLL)), UNKNOWN);
        assert.match(told(await ask(basic, POLL)), UNKNOWN, "the second request of a link");
        const { stream: advanced } = await dialAtAdvanced(agentsPort);
        assert.match(told(await ask(advanced, POLL)), UNKNOWN);
        const plain = await dialTcp(agentsPort);
        assert.match(told(await ask(plain, POLL)), UNKNOWN);
        const tls = await dialTls(agentsPort);
        assert.match(told(await ask(tls, POLL)), UNKNOWN);
        for (const stream of [basic, advanced, plain, tls]) stream.destroy();
      },
      { change: accepting("plaintext", "basic", "advanced", "tls", "mtls"), keyText: KEY_TEXT },
    ));

  it("OV-20: refuses plaintext with the levels and the setting, naming nobody", () =>
    withCentral(async (test) => {
      const socket = await dialTcp(test.agentsPort);
      const answer = await ask(socket, POLL);
      assert.equal(told(answer), "426 admission.level_not_accepted");
      assert.match(answer, /^upgrade: TLS\/1\.3\r$/m);
      assert.match(answer, /^tautline-offer: [0-9.]+; levels=tls,mtls\r$/m);
      assert.match(answer, /central offers tls, mtls/);
      assert.match(answer, /'tautline listeners set plaintext --bind public'/);
      socket.end();
      await closed(socket);
      const line = test.lines.find(({ code }) => code === "link.level_closed");
      assert.match(String(line?.["msg"]), /at the level plaintext: .*no level in common/);
      assert.match(String(line?.["remedy"]), /'tautline listeners set plaintext --bind public'/);
    }));

  it("refuses basic, advanced and HTTP/2 each in its own language", () =>
    withCentral(async ({ agentsPort }) => {
      assert.equal(await failureOf(dialAtBasic(agentsPort)), "link.level_refused");
      assert.notEqual(await failureOf(dialAtAdvanced(agentsPort)), "none");
      const session = connectHttp2(`http://127.0.0.1:${agentsPort}`);
      session.on("error", () => {});
      const [code, debug] = await new Promise<[number, Buffer]>((resolve) => {
        session.once("goaway", (reason, _last, data) => resolve([reason, data as Buffer]));
      });
      assert.equal(code, constants.NGHTTP2_INADEQUATE_SECURITY);
      assert.match(debug.toString("utf8"), /admission\.level_not_accepted/);
      session.destroy();
    }));

  it("says that HTTP/2 is not spoken where plaintext is", () =>
    withCentral(
      async ({ agentsPort }) => {
        const session = connectHttp2(`http://127.0.0.1:${agentsPort}`);
        session.on("error", () => {});
        const debug = await new Promise<Buffer>((resolve) => {
          session.once("goaway", (_reason, _last, data) => resolve(data as Buffer));
        });
        assert.match(debug.toString("utf8"), /link\.http_version/);
        session.destroy();
      },
      { change: accepting("plaintext", "tls") },
    ));

  it("where mtls alone is accepted, lets agents in, lets a token's holder join, and refuses others", () =>
    withCentral(
      async (test) => {
        const agent = await joinOver(test);
        const link = await openControl(test, agent);
        link.send(messageOf(agent.id, 0, described()));
        assert.equal((await link.next()).errorResponse, undefined);
        link.close();
        const answer = await poll(test, new Uint8Array());
        assert.equal(answer.status, 403);
        assert.equal(problemCode(answer), "admission.certificate_needed");
      },
      { change: accepting("mtls") },
    ));

  it("where tls is accepted, lets agents with a certificate in: proof is never too much", () =>
    withCentral(
      async (test) => {
        const agent = await joinOver(test);
        const link = await openControl(test, agent);
        link.send(messageOf(agent.id, 0, described()));
        assert.equal((await link.next()).errorResponse, undefined);
        link.close();
      },
      { change: accepting("tls") },
    ));

  it("tells a caller with TLS in HTTP that neither tls nor mtls is accepted", () =>
    withCentral(
      async (test) => {
        const answer = await callSecure({
          port: test.agentsPort,
          method: "POST",
          path: "/v1/opamp",
        });
        assert.equal(answer.status, 426);
        assert.equal(problemCode(answer), "admission.level_not_accepted");
      },
      { change: accepting("basic") },
    ));

  it("takes no join token where others may read it", () =>
    withCentral(
      async (test) => {
        const { authorization } = bearer(await newToken(test));
        const socket = await dialTcp(test.agentsPort);
        const answer = await ask(
          socket,
          request("POST /v1/opamp", { authorization, "content-length": "0" }),
        );
        assert.equal(told(answer), "403 admission.token_exposed");
        const { stream } = await dialAtBasic(test.agentsPort);
        const other = await ask(
          stream,
          request("POST /v1/opamp", { authorization, "content-length": "0" }),
        );
        assert.equal(told(other), "403 admission.token_exposed");
        for (const each of [socket, stream]) each.destroy();
      },
      { change: accepting("plaintext", "basic", "tls"), keyText: KEY_TEXT },
    ));

  it("says nothing to a caller with a key that is none here, at basic as at advanced", () =>
    withCentral(
      async ({ agentsPort }) => {
        assert.equal(await failureOf(dialAtBasic(agentsPort)), "link.key_unproven");
        assert.match(await failureOf(dialAtAdvanced(agentsPort)), /^link\.key_/);
      },
      { change: accepting("basic", "advanced", "mtls") },
    ));

  it("upgrades only what it lets in, over the level basic too, and closes what it refuses", () =>
    withCentral(
      async ({ agentsPort }) => {
        const { stream } = await dialAtBasic(agentsPort);
        const upgrade = {
          connection: "Upgrade",
          upgrade: "websocket",
          "tautline-proof": "none",
          "sec-websocket-version": "13",
        };
        const key = { "sec-websocket-key": Buffer.alloc(16).toString("base64") };
        const answer = await ask(stream, request("GET /v1/opamp", { ...upgrade, ...key }));
        assert.match(told(answer), UNKNOWN);
        stream.end();
        await closed(stream);
      },
      { change: accepting("basic", "mtls"), keyText: KEY_TEXT },
    ));
});

describe("the plaintext port", () => {
  it("serves plaintext and nothing else", () =>
    withCentral(
      async (test) => {
        const port = await plaintextPort(test);
        const socket = await dialTcp(port);
        assert.match(told(await ask(socket, POLL)), UNKNOWN);
        socket.destroy();
        await assert.rejects(dialTls(port), /alert/i);
        assert.equal(await failureOf(dialAtBasic(port)), "link.level_refused");
      },
      { change: inTheOpen("public") },
    ));

  it("QM-13: on loopback answers this host, and no web page that came through a browser", () =>
    withCentral(
      async (test) => {
        const port = await plaintextPort(test);
        const { addresses, bind } = (await list(test))[1] as ListenerView;
        assert.equal(bind, "loopback");
        assert.equal(addresses[0], `127.0.0.1:${port}`);
        for (const address of addresses) {
          const host = address.startsWith("[") ? "::1" : "127.0.0.1";
          const socket = await dialTcp(port, host);
          assert.match(told(await ask(socket, POLL)), UNKNOWN);
          const length = { "content-length": "0" };
          const page = request("POST /v1/opamp", { ...length, origin: "http://localhost" });
          assert.equal(told(await ask(socket, page)), "403 admission.foreign_page");
          const rebound = request("POST /v1/opamp", length, "evil.example:8787");
          assert.equal(told(await ask(socket, rebound)), "403 admission.foreign_page");
          socket.destroy();
        }
      },
      { change: inTheOpen("loopback") },
    ));

  it("QM-7: central does not start with one port for both, and says how they share on purpose", async () => {
    const started = withCentral(async () => {}, { change: equal });
    assert.equal(await failureOf(started), "central.ports_equal");
  });
});

describe("setting a listener while central runs", () => {
  it("opens plaintext, moves it, shares it and closes it, each at once", () =>
    withCentral(async (test) => {
      const first = await set(test, "plaintext", { bind: "public", port: 0 });
      const idle = await dialTcp(portOf(first));
      assert.match(told(await ask(idle, POLL)), UNKNOWN);
      const second = await set(test, "plaintext", { port: 0 });
      assert.notEqual(portOf(second), portOf(first));
      await assert.rejects(dialTcp(portOf(first)), /ECONNREFUSED/);
      assert.match(told(await ask(idle, POLL)), UNKNOWN, "a connection that stands is not touched");
      const shared = await set(test, "plaintext", { shared: true });
      assert.deepEqual([portOf(shared), shared.shared], [test.agentsPort, true]);
      const socket = await dialTcp(test.agentsPort);
      assert.match(told(await ask(socket, POLL)), UNKNOWN);
      await set(test, "plaintext", { bind: "off" });
      await Promise.all([closed(socket), closed(idle)]);
      const late = await dialTcp(test.agentsPort);
      assert.equal(told(await ask(late, POLL)), "426 admission.level_not_accepted");
      late.destroy();
    }));

  it("goes from everybody to this host alone on one port, and back", () =>
    withCentral(async (test) => {
      const open = await set(test, "plaintext", { bind: "public", port: 0 });
      const local = await set(test, "plaintext", { bind: "loopback" });
      assert.equal(portOf(local), portOf(open));
      const socket = await dialTcp(portOf(open));
      assert.match(told(await ask(socket, POLL)), UNKNOWN);
      socket.destroy();
      assert.equal((await set(test, "plaintext", { bind: "public" })).bind, "public");
    }));

  it("leaves everything as it was where a port cannot be opened, and says why", () =>
    withCentral(async (test) => {
      await set(test, "plaintext", { bind: "public", port: 0 });
      const before = await list(test);
      const taken = { port: test.consolePort };
      const answer = await callAdmin(test, "PUT", "/api/v1/listeners/plaintext", taken);
      assert.equal(problemCode(answer), "central.address_in_use");
      const equal = { port: test.agentsPort };
      const refused = await callAdmin(test, "PUT", "/api/v1/listeners/plaintext", equal);
      assert.equal(refused.status, 409);
      assert.equal(problemCode(refused), "central.ports_equal");
      assert.deepEqual(await list(test), before);
      const socket = await dialTcp(await plaintextPort(test));
      assert.match(told(await ask(socket, POLL)), UNKNOWN);
      socket.destroy();
    }));

  it("moves the secure port without touching links, which learn nothing of it but still work", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      const moved = await set(test, "agents", { port: 0 });
      assert.equal(moved.links, 1);
      await assert.rejects(dialTcp(test.agentsPort), /ECONNREFUSED/);
      link.send(messageOf(agent.id, 1, described()));
      assert.equal((await link.next()).errorResponse, undefined);
      const again = await openControl({ ...test, agentsPort: portOf(moved) }, agent);
      again.close();
      const status = await admin<{ agents: string }>(test, "GET", "/api/v1/status");
      assert.equal(status.agents, moved.addresses[0]);
      link.close();
    }));

  it("ends links of a level that is no longer accepted with the reason, also polling ones, and those alone", () =>
    withCentral(
      async (test) => {
        const [linked, polling] = [await joinOver(test), await joinOver(test)];
        // As agents do, it tells its time.
        const time = { [TIME_HEADER]: formatTimestamp(test.clock.now()) };
        const link = await openControl(test, linked, time);
        link.send(messageOf(linked.id, 0, described()));
        await link.next();
        await poll(test, messageOf(polling.id, 0, described()), { identity: polling.identity });
        const joining = await openJoining(test, await newToken(test));
        const { stream: basic } = await dialAtBasic(test.agentsPort);
        assert.match(told(await ask(basic, POLL)), UNKNOWN);
        assert.equal((await list(test))[0]?.links, 2);
        await set(test, "agents", { levels: ["basic"] });
        const { code, reason } = await link.closed;
        assert.deepEqual([code, reason], [1008, "admission.level_not_accepted"]);
        await joining.closed;
        assert.equal((await list(test))[0]?.links, 0);
        assert.match(
          told(await ask(basic, POLL)),
          UNKNOWN,
          "an agent at another level is not touched",
        );
        await set(test, "agents", { levels: ["mtls"] });
        await closed(basic);
      },
      { change: accepting("basic", "tls", "mtls"), keyText: KEY_TEXT },
    ));

  it("is told in the trail, by whom and what it is now", () =>
    withCentral(async (test) => {
      await set(test, "agents", { levels: ["basic", "mtls"] });
      const { items } = await admin<{ items: Record<string, unknown>[] }>(
        test,
        "GET",
        "/api/v1/audit",
      );
      const entry = items.find(({ action }) => action === "listener.changed");
      assert.equal(entry?.["actor"], "operator:local");
      const { listener, levels } = entry["detail"] as Record<string, unknown>;
      assert.deepEqual([listener, levels], ["agents", "basic,mtls"]);
    }));
});

describe("callers of the raw ports", () => {
  const everything = accepting("plaintext", "basic", "advanced", "tls", "mtls");
  const beginnings: readonly (readonly [what: string, bytes: Buffer])[] = [
    ["says nothing", Buffer.alloc(0)],
    ["says half a TLS record", Buffer.from([0x16, 0x03, 0x01, 0x02])],
    ["says half a preface of the level basic", Buffer.concat([BASIC_MAGIC, Buffer.of(1, 1, 6)])],
    ["says half a method of HTTP", Buffer.from("PO")],
  ];
  for (const [what, bytes] of beginnings) {
    it(`F13: who ${what} and stops is cut in time`, () =>
      withCentral(
        async (test) => {
          const socket = await dialTcp(test.agentsPort);
          socket.write(bytes);
          await closed(socket);
        },
        { change: quick(everything), keyText: KEY_TEXT },
      ));
  }

  it("who hangs up halfway through its beginning leaves nothing behind", () =>
    withCentral(
      async (test) => {
        for (const [, bytes] of beginnings) {
          const socket = await dialTcp(test.agentsPort);
          socket.end(bytes);
          await closed(socket);
        }
      },
      { change: everything, keyText: KEY_TEXT },
    ));

  it("are told apart however their first bytes are split", () =>
    withCentral(
      async (test) => {
        const socket = await dialTcp(test.agentsPort);
        assert.match(told(await say(socket)), UNKNOWN);
        socket.destroy();
      },
      { change: everything },
    ));

  it("over the limit of connections are cut and counted, whatever they speak", () =>
    withCentral(
      async (test) => {
        const first = await dialTcp(test.agentsPort);
        const second = await dialTcp(test.agentsPort);
        await closed(second);
        const { text } = await callAdmin(test, "GET", "/metrics");
        assert.match(text, /tautline_refusals_total\{code="link.too_many"\} 1\n/);
        first.destroy();
      },
      {
        change: (config) => ({ ...config, agents: { ...config.agents, maxConnections: 1 } }),
      },
    ));

  it("at every level are shown out when central stops, and do not hold it up", () =>
    withCentral(
      async (test) => {
        const { stream: basic } = await dialAtBasic(test.agentsPort);
        const { stream: advanced } = await dialAtAdvanced(test.agentsPort);
        const plain = await dialTcp(test.agentsPort);
        for (const stream of [basic, advanced, plain]) {
          assert.match(told(await ask(stream, POLL)), UNKNOWN);
        }
        const silent = await dialTcp(test.agentsPort);
        await Promise.all([
          test.central.stop(),
          ...[basic, advanced, plain, silent].map((stream) => closed(stream)),
        ]);
      },
      { change: everything, keyText: KEY_TEXT },
    ));
});
