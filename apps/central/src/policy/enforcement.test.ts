import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { describe, it } from "node:test";
import { ForwardChannel, openForward, peerReasonCode, tlsBinding } from "@tautline/link";
import { certificatesFromPem, PROOF_HEADER } from "@tautline/pki";
import {
  fromWireText,
  type Level,
  levelsFrom,
  type LinkPolicy,
  OPEN_POLICY,
} from "@tautline/protocol";
import type { CentralConfig } from "../config.ts";
import { proofFor } from "../control/fixture-arrivals.test.ts";
import { described, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  callAdmin,
  dialTls,
  joinOver,
  type JoinedAgent,
  newToken,
  openControl,
  openJoining,
  openLink,
  type OpampLink,
  poll,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { makeJoiner } from "../fixture-core.test.ts";
import {
  ask,
  closed,
  dialAtBasic,
  dialTcp,
  KEY_TEXT,
  request as head,
  told,
} from "../listeners/fixture-callers.test.ts";
import type { PolicyKind } from "./policy-kind.ts";
import type { PolicyView } from "./policy-view.ts";

/** Every level, on one port. */
const everything = {
  change: (config: CentralConfig): CentralConfig => ({
    ...config,
    agents: { ...config.agents, levels: ["plaintext", "basic", "advanced", "tls", "mtls"] },
  }),
  keyText: KEY_TEXT,
};

const MUTUAL: LinkPolicy = { ...OPEN_POLICY, accept: ["mtls"], loopback: "off" };

const setPolicy = (
  { central: { policies } }: TestCentral,
  policy: LinkPolicy | undefined,
  at: { readonly namespace?: string; readonly kinds?: readonly PolicyKind[] } = {},
): Promise<void> =>
  policies.change(async (trx) => {
    const { namespace = "default", kinds = ["control", "forward"] } = at;
    for (const kind of kinds) {
      const order = { namespace, kind, policy, actor: "operator:ana", atMs: 0 };
      await policies.stored.setPolicy(trx, order);
    }
  });

const except = (
  { central: { policies } }: TestCentral,
  agentId: string,
  level: Level,
  kind: PolicyKind = "control",
): Promise<void> =>
  policies.change((trx) =>
    policies.stored.addException(trx, {
      agentId,
      kind,
      level,
      reason: "it did not come back",
      changeId: null,
      sinceMs: 0,
    }),
  );

/** What an agent shows on a connection at tls. */
function proofOn(socket: TLSSocket, { id, client, identity }: JoinedAgent): Record<string, string> {
  const [certificate] = certificatesFromPem(identity.chainPem);
  assert.ok(certificate);
  const prover = { id, key: client, certificate };
  return { [PROOF_HEADER]: proofFor(prover, { level: "tls", binding: tlsBinding(socket) }) };
}

/** The control link of an agent that proves itself at tls, answered once. */
async function linkAtTls(test: TestCentral, agent: JoinedAgent): Promise<OpampLink> {
  const socket = await dialTls(test.agentsPort);
  return answered(await openLink(test, socket, proofOn(socket, agent)), agent.id);
}

/** The control link of somebody without an identity, answered once. */
async function linkOfClaim(test: TestCentral, stream: Duplex, id: string): Promise<OpampLink> {
  return answered(await openLink(test, stream), id);
}

async function answered(link: OpampLink, id: string): Promise<OpampLink> {
  link.send(messageOf(id, 0, described()));
  const { errorResponse } = await link.next();
  assert.equal(errorResponse, undefined);
  return link;
}

/** What a link is told last, and how it is closed. */
async function endOf(link: OpampLink): Promise<string> {
  const { errorResponse } = await link.next();
  const said = fromWireText(errorResponse?.errorMessage ?? "").code;
  const { code, reason } = await link.closed;
  assert.equal(said, reason);
  return `${code} ${reason}`;
}

/** Polls over a connection that stays open: status, and the code of the refusal. */
function pollOver(stream: Duplex) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => stream;
  return async (message: Uint8Array, headers: Record<string, string> = {}): Promise<string> => {
    const all = { "content-type": "application/x-protobuf", host: "localhost", ...headers };
    const outgoing = request({ agent, method: "POST", path: "/v1/opamp", headers: all });
    outgoing.end(message);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("latin1");
    const code = /(?:admission|policy)\.[a-z_]+/.exec(text)?.[0] ?? "taken";
    return `${response.statusCode ?? 0} ${code}`;
  };
}

const outcomeOf = async (attempt: Promise<OpampLink>): Promise<string> =>
  attempt.then(
    () => "linked",
    (error: unknown) => {
      const { detail, code } = error as { code?: string; detail?: Record<string, unknown> };
      return String(detail?.["code"] ?? code ?? error);
    },
  );

const viewOf = async (test: TestCentral, kind: PolicyKind): Promise<PolicyView> => {
  const { items } = await admin<{ items: PolicyView[] }>(
    test,
    "GET",
    "/api/v1/policy?namespace=default",
  );
  return items.find((row) => row.kind === kind) ?? assert.fail(`no policy of ${kind}`);
};

/** One poll of somebody who shows nothing. */
const NOBODY = head("POST /v1/opamp", {
  "content-type": "application/x-protobuf",
  "content-length": "0",
});

const LEVEL_REFUSED = "1008 policy.level_refused";

describe("a policy that is set while central runs", () => {
  it("ends links below it with the reason, each way, and whoever comes again is refused with it", () =>
    withCentral(async (test) => {
      const [mutual, below] = [await joinOver(test), await joinOver(test)];
      const [atBasic, inPlain] = [makeJoiner().id, makeJoiner().id];
      const good = await answered(await openControl(test, mutual), mutual.id);
      const links = [
        await linkAtTls(test, below),
        await linkOfClaim(test, (await dialAtBasic(test.agentsPort)).stream, atBasic),
        await linkOfClaim(test, await dialTcp(test.agentsPort), inPlain),
      ];
      await setPolicy(test, MUTUAL);
      for (const link of links) assert.equal(await endOf(link), LEVEL_REFUSED);
      good.send(messageOf(mutual.id, 1));
      assert.equal((await good.next()).errorResponse, undefined);
      assert.equal(await outcomeOf(linkAtTls(test, below)), "policy.level_refused");
      const { stream } = await dialAtBasic(test.agentsPort);
      assert.equal(told(await ask(stream, NOBODY)), "426 policy.level_refused");
      stream.destroy();
      const plain = pollOver(await dialTcp(test.agentsPort));
      assert.equal(await plain(messageOf(inPlain, 1)), "426 policy.level_refused");
      const { items } = await admin<{ items: { agent: string }[] }>(test, "GET", "/api/v1/links");
      assert.deepEqual(
        items.map(({ agent }) => agent),
        [mutual.id],
      );
      const { text } = await callAdmin(test, "GET", "/metrics");
      assert.match(text, /tautline_policy_ended_total\{code="policy\.level_refused"\} 3\n/);
      assert.match(text, /tautline_refusals_total\{code="policy\.level_refused"\} 3\n/);
      good.close();
    }, everything));

  it("ends polling too: the same connection is told at its next poll or cut, a new one is refused", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const socket = await dialTls(test.agentsPort);
      const proof = proofOn(socket, agent);
      assert.equal(await pollOver(socket)(messageOf(agent.id, 0, described()), proof), "200 taken");
      const claimed = makeJoiner().id;
      const plain = await dialTcp(test.agentsPort);
      assert.equal(await pollOver(plain)(messageOf(claimed, 0, described())), "200 taken");
      await setPolicy(test, MUTUAL);
      await Promise.all([closed(socket), closed(plain)]);
      const links = await admin<{ items: unknown[] }>(test, "GET", "/api/v1/links");
      assert.deepEqual(links.items, []);
      const again = await dialTls(test.agentsPort);
      assert.equal(
        await pollOver(again)(messageOf(agent.id, 1), proofOn(again, agent)),
        "426 policy.level_refused",
      );
      again.destroy();
    }, everything));

  it("is asked of its own namespace and kind alone", () =>
    withCentral(async (test) => {
      await admin(test, "POST", "/api/v1/namespaces", { name: "plant" });
      const [here, there] = [await joinOver(test), await joinOver(test, { namespace: "plant" })];
      const links = [await linkAtTls(test, here), await linkAtTls(test, there)] as const;
      await setPolicy(test, MUTUAL, { kinds: ["forward"] });
      links[0].send(messageOf(here.id, 1));
      assert.equal((await links[0].next()).errorResponse, undefined);
      await setPolicy(test, MUTUAL);
      assert.equal(await endOf(links[0]), LEVEL_REFUSED);
      links[1].send(messageOf(there.id, 1));
      assert.equal((await links[1].next()).errorResponse, undefined);
      assert.equal(await outcomeOf(linkAtTls(test, there)), "linked");
      await setPolicy(test, undefined);
      assert.equal(await outcomeOf(linkAtTls(test, here)), "linked");
    }, everything));

  it("keeps nobody from getting an identity over tls: joining goes on, and so does its link", () =>
    withCentral(async (test) => {
      const joining = await openJoining(test, await newToken(test));
      await setPolicy(test, { ...MUTUAL, clientProof: "require", postQuantum: "require" });
      const joined = await joinOver(test);
      assert.equal(joining.socket.readyState, joining.socket.OPEN);
      joining.close();
      assert.equal(await outcomeOf(openControl(test, joined)), "linked");
    }));

  it("may ask for proof on the link, or for a post-quantum key exchange", () =>
    withCentral(async (test) => {
      await setPolicy(test, { ...OPEN_POLICY, clientProof: "require" });
      const { stream } = await dialAtBasic(test.agentsPort);
      assert.equal(told(await ask(stream, NOBODY)), "403 policy.client_unproven");
      stream.destroy();
      const agent = await joinOver(test);
      assert.equal(await outcomeOf(linkAtTls(test, agent)), "linked");
      await setPolicy(test, { ...OPEN_POLICY, postQuantum: "require" });
      const { keyPem: key, chainPem: cert } = agent.identity;
      const { agentsPort: port } = test;
      const classical = connectTls({
        port,
        key,
        cert,
        ecdhCurve: "X25519",
        rejectUnauthorized: false,
      });
      await once(classical, "secureConnect");
      const refused = await pollOver(classical)(messageOf(agent.id, 0));
      assert.equal(refused, "403 policy.not_post_quantum");
      classical.destroy();
      const hybrid = await poll(test, messageOf(agent.id, 0), { identity: agent.identity });
      assert.equal(hybrid.status, 200);
    }, everything));

  it("QM-13: leaves this host's own plaintext alone until loopback is off", () =>
    withCentral(async (test) => {
      const { id } = makeJoiner();
      const link = await linkOfClaim(test, await dialTcp(test.agentsPort), id);
      await setPolicy(test, { ...MUTUAL, loopback: "keep" });
      link.send(messageOf(id, 1));
      assert.equal((await link.next()).errorResponse, undefined);
      await setPolicy(test, MUTUAL);
      assert.equal(await endOf(link), LEVEL_REFUSED);
    }, everything));

  it("leaves what it refused of a proven agent in its history, and of whoever claims to be one nothing", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      await setPolicy(test, MUTUAL);
      assert.equal(await outcomeOf(linkAtTls(test, agent)), "policy.level_refused");
      const claimed = makeJoiner().id;
      const plain = pollOver(await dialTcp(test.agentsPort));
      assert.equal(await plain(messageOf(claimed, 0)), "426 policy.level_refused");
      const { items } = await admin<{ items: Record<string, unknown>[] }>(
        test,
        "GET",
        "/api/v1/links/history",
      );
      assert.deepEqual(
        items.map(({ agent: who, kind, level, refused }) => [who, kind, level, refused]),
        [[agent.id, "control", "tls", "policy.level_refused"]],
      );
      const agents = await admin<{ items: { id: string }[] }>(test, "GET", "/api/v1/agents");
      assert.equal(
        agents.items.some(({ id }) => id === claimed),
        false,
      );
    }, everything));
});

describe("an exception from a policy", () => {
  it("lets exactly that agent come back, at exactly that level", () =>
    withCentral(async (test) => {
      const [one, other] = [await joinOver(test), await joinOver(test)];
      await setPolicy(test, MUTUAL);
      await except(test, one.id, "tls");
      const link = await linkAtTls(test, one);
      assert.equal(await outcomeOf(linkAtTls(test, other)), "policy.level_refused");
      await except(test, one.id, "basic");
      assert.equal(await endOf(link), LEVEL_REFUSED);
      assert.equal(await outcomeOf(linkAtTls(test, one)), "policy.level_refused");
      const { exceptions, accept, heard } = await viewOf(test, "control");
      assert.deepEqual(
        exceptions.map(({ agent, level }) => [agent, level]),
        [[one.id, "basic"]],
      );
      assert.deepEqual([accept, heard], [["mtls"], ["mtls"]]);
    }, everything));

  it("lets a claim come back by its id; another one at that level is refused when it says its own", () =>
    withCentral(async (test) => {
      const [known, stranger] = [makeJoiner().id, makeJoiner().id];
      const basic = async () => (await dialAtBasic(test.agentsPort)).stream;
      (await linkOfClaim(test, await basic(), known)).close();
      await setPolicy(test, MUTUAL);
      await except(test, known, "basic");
      const back = await linkOfClaim(test, await basic(), known);
      const link = await openLink(test, await basic());
      link.send(messageOf(stranger, 0, described()));
      assert.equal(await endOf(link), LEVEL_REFUSED);
      const agents = await admin<{ items: { id: string }[] }>(test, "GET", "/api/v1/agents");
      assert.deepEqual(
        agents.items.map(({ id }) => id),
        [known],
      );
      await test.central.policies.change((trx) =>
        test.central.policies.stored.removeException(trx, { agentId: known, kind: "control" }),
      );
      assert.equal(await endOf(back), LEVEL_REFUSED);
    }, everything));

  it("A24: lets in neither the revoked nor the quarantined, nor anybody under the id of an enrolled agent", () =>
    withCentral(async (test) => {
      const [revoked, held] = [await joinOver(test), await joinOver(test)];
      await setPolicy(test, MUTUAL);
      for (const { id } of [revoked, held]) await except(test, id, "tls");
      const link = await linkAtTls(test, held);
      await admin(test, "POST", `/api/v1/agents/${revoked.id}/revoke`, {});
      await admin(test, "POST", `/api/v1/agents/${held.id}/quarantine`, {});
      assert.equal(await endOf(link), "1008 admission.agent_quarantined");
      assert.equal(await outcomeOf(linkAtTls(test, revoked)), "admission.agent_revoked");
      assert.equal(await outcomeOf(linkAtTls(test, held)), "admission.agent_quarantined");
      await admin(test, "POST", `/api/v1/agents/${held.id}/release`, {});
      assert.equal(await outcomeOf(linkAtTls(test, held)), "linked");
      await except(test, held.id, "basic");
      const thief = await openLink(test, (await dialAtBasic(test.agentsPort)).stream);
      thief.send(messageOf(held.id, 0, described()));
      assert.equal(await endOf(thief), "1008 admission.id_enrolled");
      const { exceptions } = await viewOf(test, "control");
      assert.deepEqual(
        exceptions.map(({ agent }) => agent),
        [held.id],
      );
    }, everything));
});

const now = performance.now.bind(performance);

async function channelAtTls(test: TestCentral, agent: JoinedAgent): Promise<ForwardChannel> {
  const socket = await dialTls(test.agentsPort);
  const host = `127.0.0.1:${test.agentsPort}`;
  const headers = proofOn(socket, agent);
  const secured = await openForward({ socket, host, headers, direction: "out" });
  const head = Buffer.alloc(0);
  return new ForwardChannel({ secured, head, role: "opener", address: host, now });
}

/** A target, and both ends of a program's connection on the agent's host. */
async function programOn(test: TestCentral): Promise<{ plain: Socket; stop: () => void }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const target = `127.0.0.1:${port}`;
  await admin(test, "POST", "/api/v1/forwards", { name: "db", target });
  const program = connect({ port, host: "127.0.0.1" }).on("error", () => {});
  await once(program, "connect");
  const stop = (): void => {
    server.close();
    for (const socket of [program, ...sockets]) socket.destroy();
  };
  return { plain: program, stop };
}

describe("forwards under a policy of their kind", () => {
  it("running streams end with the reason at the agent, and a new link is refused before its upgrade", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const control = await linkAtTls(test, agent);
      const { plain, stop } = await programOn(test);
      const channel = await channelAtTls(test, agent);
      await channel.open({ forward: "db" });
      const carried = channel.carry(plain);
      await setPolicy(test, MUTUAL, { kinds: ["forward"] });
      const { error } = await carried;
      assert.ok(error !== undefined);
      assert.equal(peerReasonCode(error), "policy.level_refused");
      const refused = await refusalOf(channelAtTls(test, agent));
      assert.match(`${String(refused.detail["code"])} ${refused.message}`, /policy\.level_refused/);
      control.send(messageOf(agent.id, 1));
      assert.equal(
        (await control.next()).errorResponse,
        undefined,
        "its control link is not asked",
      );
      const { items } = await admin<{ items: Record<string, unknown>[] }>(
        test,
        "GET",
        `/api/v1/links/history?agent=${agent.id}&kind=forward`,
      );
      assert.deepEqual(
        items
          .toSorted((one, other) => String(one["refused"]).localeCompare(String(other["refused"])))
          .map(({ level, refused: code, links }) => [level, code, links]),
        [
          ["tls", null, 1],
          ["tls", "policy.level_refused", 1],
        ],
      );
      await except(test, agent.id, "tls", "forward");
      const back = await channelAtTls(test, agent);
      back.destroy(refused);
      stop();
    }, everything));
});

describe("GET /api/v1/policy", () => {
  it("shows what holds, what of it is heard, and what nobody has set", () =>
    withCentral(async (test) => {
      await setPolicy(
        test,
        { ...OPEN_POLICY, accept: levelsFrom("advanced") },
        { kinds: ["control"] },
      );
      const { exceptions, changedAt, ...control } = await viewOf(test, "control");
      assert.deepEqual([exceptions, changedAt], [[], new Date(0).toISOString()]);
      assert.deepEqual(control, {
        namespace: "default",
        kind: "control",
        accept: ["advanced", "tls", "mtls"],
        clientProof: "none",
        postQuantum: "prefer",
        loopback: "keep",
        heard: ["tls", "mtls"],
        changedBy: "operator:ana",
      });
      const forward = await viewOf(test, "forward");
      assert.deepEqual([forward.changedAt, forward.changedBy], [null, null]);
      const answer = await callAdmin(test, "GET", "/api/v1/policy?namespace=nowhere");
      assert.deepEqual([answer.status, problemCode(answer)], [404, "api.not_found"]);
    }));
});
