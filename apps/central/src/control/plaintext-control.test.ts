import assert from "node:assert/strict";
import { Agent, createServer, request } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, it } from "node:test";
import { listenOn, openWebSocket } from "@tautline/link";
import { PROOF_CHALLENGE, PROOF_HEADER } from "@tautline/pki";
import {
  CAPABILITY_ENROLMENT,
  decodeFrame,
  decodeServerToAgent,
  encodeFrame,
  fromBase64Url,
  fromWireText,
  LIMITS,
  type ServerToAgent,
} from "@tautline/protocol";
import { createApiApp } from "../api/api-app.ts";
import {
  type Core,
  joinNew,
  joinWith,
  makeJoiner,
  makeToken,
  withCore,
} from "../fixture-core.test.ts";
import { noteSecured } from "../listeners/secured-connection.ts";
import { bookOf } from "../policy/fixture-policies.test.ts";
import { createAgentSession } from "./agent-session.ts";
import type { Caller } from "./caller.ts";
import { createClaimSession } from "./claim-session.ts";
import { createClockWatch } from "./clock-watch.ts";
import { serveControl } from "./control-endpoint.ts";
import { admissionOf, evidenceAt, proofFor, proverOf } from "./fixture-arrivals.test.ts";
import { described, type MessageFields, messageOf, recordingLog } from "./fixture-messages.test.ts";
import { claimDepsOf, sessionDepsOf } from "./fixture-sessions.test.ts";
import { createLiveLinks, type LiveLinks } from "./live-links.ts";
import { createOffers } from "./offers.ts";
import { createOpenConnections } from "./open-connections.ts";
import { createPollingLinks } from "./polling-links.ts";
import { createRefusals } from "./refusals.ts";
import type { Session } from "./session.ts";

/** A port on which nothing secures anything, served as the agents' port is. */
interface Ground {
  readonly core: Core;
  readonly port: number;
  readonly live: LiveLinks;
}

function withPlaintext(use: (ground: Ground) => Promise<void>): Promise<void> {
  return withCore(async (core) => {
    const { audit, metrics, clock, agents, links, settings } = core;
    const { now } = clock;
    const log = recordingLog([]);
    const { recorder: history } = core.history;
    const live = createLiveLinks({ agents, links, history, metrics, log, now });
    const refusals = createRefusals({ audit, history, log, metrics, now });
    const beginSession = (caller: Caller): Session => {
      if (caller.kind === "agent") return createAgentSession(sessionDepsOf(core), caller);
      assert.ok(caller.kind === "claim");
      return createClaimSession(claimDepsOf(core), caller);
    };
    const heartbeatOf = (namespace: string): Promise<number> => settings.heartbeatMs(namespace);
    const polling = createPollingLinks({ live, metrics, now, refusals, heartbeatOf, beginSession });
    const http = createServer();
    const open: Socket[] = [];
    http.on("connection", (socket: Socket) => {
      open.push(socket);
      noteSecured(socket, {
        listener: "plaintext",
        evidence: evidenceAt("plaintext"),
        remoteAddress: "192.0.2.1",
        binding: () => undefined,
      });
    });
    const app = createApiApp({ log, server: http, now });
    const endpoint = serveControl(app, http, {
      admission: admissionOf(core),
      connections: createOpenConnections(),
      polling,
      beginSession,
      clockWatch: createClockWatch({ audit, log, now }),
      forwarding: { serve: () => Promise.reject(new Error("unused")) },
      receiving: { serveEdge: () => Promise.reject(new Error("unused")) },
      policies: { book: bookOf() },
      reopenings: { covers: () => false },
      history: core.history,
      isStopping: () => false,
      judgeRequest: () => undefined,
      offers: createOffers(live, () => ["plaintext"]),
      now,
      live,
      refusals,
      metrics,
      log,
    });
    await app.ready();
    const { port } = await listenOn(http, { host: "127.0.0.1", port: 0 });
    try {
      await use({ core, port, live });
    } finally {
      http.close();
      for (const socket of open) socket.destroy();
      await endpoint.settled();
      await app.close();
    }
  });
}

interface Posted {
  readonly status: number;
  readonly challenge: string;
  readonly body: Buffer;
}

/** Posts on the one connection of an HTTP agent. */
function post(
  { port }: Ground,
  agent: Agent,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Posted> {
  const all = { "content-type": "application/x-protobuf", ...headers };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: "127.0.0.1", port, method: "POST", path: "/v1/opamp", agent, headers: all },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const challenge = response.headers["www-authenticate"] ?? "";
          resolve({ status: response.statusCode ?? 0, challenge, body: Buffer.concat(chunks) });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function withAgent<Result>(use: (agent: Agent) => Promise<Result>): Promise<Result> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    return await use(agent);
  } finally {
    agent.destroy();
  }
}

const challenge = { [PROOF_HEADER]: PROOF_CHALLENGE };

const nonceIn = ({ status, challenge: said }: Posted): Uint8Array => {
  assert.equal(status, 401);
  const [, nonce = ""] = /^Tautline-Proof nonce="([A-Za-z0-9_-]{43})"$/.exec(said) ?? [];
  return fromBase64Url(nonce);
};

interface OpampSocket {
  ask(message: Uint8Array): Promise<ServerToAgent>;
  next(): Promise<ServerToAgent>;
  readonly closed: Promise<number>;
}

async function openSocket({ port }: Ground): Promise<OpampSocket> {
  const socket = connect({ host: "127.0.0.1", port });
  const host = `127.0.0.1:${port}`;
  const maxMessageBytes = LIMITS.opampMessageBytes.value;
  const websocket = await openWebSocket({
    socket,
    path: "/v1/opamp",
    host,
    headers: {},
    maxMessageBytes,
  });
  const next = (): Promise<ServerToAgent> =>
    new Promise((resolve) =>
      websocket.once("message", (data: Buffer) =>
        resolve(decodeServerToAgent(decodeFrame(data, maxMessageBytes), maxMessageBytes)),
      ),
    );
  return {
    next,
    ask: (message) => {
      const answer = next();
      websocket.send(encodeFrame(message));
      return answer;
    },
    closed: new Promise((resolve) => websocket.once("close", (code) => resolve(code))),
  };
}

const codeOf = ({ errorResponse }: ServerToAgent): string | undefined =>
  fromWireText(errorResponse?.errorMessage ?? "").code;

describe("somebody without an identity over a plaintext WebSocket", () => {
  it("is a live link from its first answered message on, seen with its level, and told of its promotion", () =>
    withPlaintext(async (ground) => {
      const { core, live } = ground;
      const { id } = makeJoiner();
      const socket = await openSocket(ground);
      assert.deepEqual(live.all(), []);
      await socket.ask(messageOf(id, 1, described()));
      const [link] = await core.links.list({ agent: id });
      assert.deepEqual(
        [link?.level, link?.transport, link?.clientProven, link?.peerId],
        ["plaintext", "websocket", false, null],
      );
      await core.life.promote(id, "operator:local");
      const told = socket.next();
      await live.pushToAgent(id);
      assert.equal((await told).customMessage?.type, "offer");
    }));

  it("is told why it gets no more, and stays; one that goes on asking is closed", () =>
    withPlaintext(async (ground) => {
      const { id } = makeJoiner();
      const socket = await openSocket(ground);
      const asking: MessageFields = {
        customMessage: { capability: CAPABILITY_ENROLMENT, type: "request" },
      };
      for (let seq = 1; seq <= 5; seq += 1) {
        const answer = await socket.ask(messageOf(id, seq, asking));
        assert.equal(codeOf(answer), "admission.identity_required");
        if (seq === 1) assert.equal(codeOf(await socket.ask(messageOf(id, 2))), undefined);
      }
      assert.equal(await socket.closed, 1008);
    }));

  it("is ended when its id joins, and refused as that id from then on", () =>
    withPlaintext(async (ground) => {
      const { core, live } = ground;
      const joiner = makeJoiner();
      const socket = await openSocket(ground);
      await socket.ask(messageOf(joiner.id, 1, described()));
      await joinWith(core, await makeToken(core), joiner.request);
      const answer = await socket.ask(messageOf(joiner.id, 2));
      assert.equal(codeOf(answer), "admission.id_enrolled");
      assert.equal(await socket.closed, 1008);
      assert.equal(live.all().filter(({ agentId }) => agentId === joiner.id).length <= 1, true);
    }));

  it("cannot take the link of an agent that proved itself", () =>
    withPlaintext(async (ground) => {
      const { id } = await joinNew(ground.core);
      const socket = await openSocket(ground);
      assert.equal(codeOf(await socket.ask(messageOf(id, 1))), "admission.id_enrolled");
      assert.equal(await socket.closed, 1008);
      assert.deepEqual(ground.live.all(), []);
    }));
});

describe("an agent that proves itself on plaintext", () => {
  it("is given a number, proves its identity on the same connection, and is the agent on it", () =>
    withPlaintext((ground) =>
      withAgent(async (agent) => {
        const { core } = ground;
        const joined = await joinNew(core);
        const { id } = joined;
        const asked = await post(ground, agent, new Uint8Array(), challenge);
        const binding = nonceIn(asked);
        assert.match(asked.body.toString(), /admission\.proof_challenged/);
        const proof = proofFor(proverOf(joined), { level: "plaintext", binding });
        const headers = { [PROOF_HEADER]: proof };
        for (const seq of [1, 2]) {
          const taken = await post(ground, agent, messageOf(id, seq, described()), headers);
          assert.equal(taken.status, 200);
        }
        assert.equal((await core.agents.page(id)).state, "active");
        const [link] = await core.links.list({ agent: id });
        assert.deepEqual([link?.level, link?.clientProven], ["plaintext", false]);
        // F16: the same proof on another connection.
        await withAgent(async (other) => {
          nonceIn(await post(ground, other, messageOf(id, 3), headers));
        });
        // A question is no refusal.
        assert.equal((await core.audit.list({ limit: 100 })).at(-1)?.action, "agent.active");
      }),
    ));

  it("neither renews nor leaves there: whoever stands between could have keys of its own certified", () =>
    withPlaintext((ground) =>
      withAgent(async (agent) => {
        const { core } = ground;
        const joined = await joinNew(core);
        const binding = nonceIn(await post(ground, agent, new Uint8Array(), challenge));
        const proof = proofFor(proverOf(joined), { level: "plaintext", binding });
        const leave = { customMessage: { capability: CAPABILITY_ENROLMENT, type: "leave" } };
        const message = messageOf(joined.id, 1, { ...described(), ...leave });
        const { body } = await post(ground, agent, message, { [PROOF_HEADER]: proof });
        const answer = decodeServerToAgent(body, LIMITS.opampMessageBytes.value);
        assert.equal(codeOf(answer), "admission.link_unbound");
        assert.equal((await core.agents.page(joined.id)).state, "active");
      }),
    ));

  it("is refused in a problem document where its proof is none", () =>
    withPlaintext((ground) =>
      withAgent(async (agent) => {
        nonceIn(await post(ground, agent, new Uint8Array(), challenge));
        const refused = await post(ground, agent, new Uint8Array(), { [PROOF_HEADER]: "nonsense" });
        assert.equal(refused.status, 400);
        assert.match(refused.body.toString(), /pki\.proof_malformed/);
      }),
    ));
});
