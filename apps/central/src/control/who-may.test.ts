import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TlsIdentity } from "@tautline/link";
import { createKeyPair, exportPrivateKey, toPem } from "@tautline/pki";
import { fromWireText } from "@tautline/protocol";
import { createTestAuthority, withTempFolder } from "@tautline/testing";
import {
  admin,
  bearer,
  callSecure,
  joinOver,
  type JoinedAgent,
  newToken,
  openControl,
  openJoining,
  poll,
  polled,
  problemCode,
  runOn,
  startOn,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import { DAY_MS, makeJoiner, openCore, TRUST_DOMAIN } from "../fixture-core.test.ts";
import { described, joinMessage, messageOf } from "./fixture-messages.test.ts";

interface Items<Item> {
  readonly items: readonly Item[];
}

const listed = async (test: TestCentral): Promise<string[]> => {
  const { items } = await admin<Items<{ agent: string }>>(test, "GET", "/api/v1/links");
  return items.map(({ agent }) => agent);
};

/** Dials both transports with an identity and tells the status and code each was refused with. */
async function refusedBy(
  test: TestCentral,
  agentId: string,
  identity?: TlsIdentity,
  headers: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const message = messageOf(agentId, 0, described());
  const given = identity === undefined ? {} : { identity };
  const byPoll = await poll(test, message, { ...given, headers });
  const byUpgrade = await callSecure({
    port: test.agentsPort,
    path: "/v1/opamp",
    ...given,
    headers: {
      ...headers,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": Buffer.alloc(16).toString("base64"),
    },
  });
  return [byPoll, byUpgrade].map((answer) => `${answer.status} ${String(problemCode(answer))}`);
}

/** Joins an agent of the default namespace on a folder, makes another namespace, and stops. */
async function joinIn(dataDir: string, otherNamespace: string): Promise<JoinedAgent> {
  const test = await startOn(dataDir);
  try {
    await admin(test, "POST", "/api/v1/namespaces", { name: otherNamespace });
    return await joinOver(test);
  } finally {
    await test.central.stop();
  }
}

const twice = (words: string): string[] => [words, words];

describe("A6: a valid certificate alone opens nothing", () => {
  it("refuses an agent that is not registered, although this central's own authority certified it", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await runOn(dataDir, async () => {});
      // Certified by the very authority, but never recorded.
      const core = await openCore(dataDir);
      const { id, client } = makeJoiner();
      const issued = core.authority.issueAgentLeaf({
        namespace: "default",
        agentId: id,
        purpose: "client",
        publicKey: client.publicKey,
      });
      const chain = [issued.certificate, core.authority.agentIntermediate("default")];
      const identity = { keyPem: exportPrivateKey(client.privateKey), chainPem: toPem(chain) };
      await core.close();
      await runOn(dataDir, async (test) => {
        assert.deepEqual(await refusedBy(test, id, identity), twice("403 admission.agent_unknown"));
        assert.deepEqual(await listed(test), []);
      });
    }));

  it("refuses a revoked agent in whichever way it comes", () =>
    withCentral(async (test) => {
      const { id, identity } = await joinOver(test);
      await admin(test, "POST", `/api/v1/agents/${id}/revoke`);
      assert.deepEqual(await refusedBy(test, id, identity), twice("403 admission.agent_revoked"));
    }));

  it("refuses an agent's server certificate as a client's (A16)", () =>
    withCentral(async (test) => {
      const { id, serverIdentity } = await joinOver(test);
      const codes = await refusedBy(test, id, serverIdentity);
      assert.deepEqual(codes, twice("403 pki.chain_wrong_purpose"));
    }));

  it("refuses central's own certificate", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await runOn(dataDir, async () => {});
      const core = await openCore(dataDir);
      const key = createKeyPair("p256");
      const issued = core.authority.issueCentralLeaf({
        dnsNames: ["localhost"],
        ipAddresses: [],
        publicKey: key.publicKey,
      });
      const { servicesIntermediate, root } = core.authority;
      const chainPem = toPem([issued.certificate, servicesIntermediate, root]);
      await core.close();
      const identity = { keyPem: exportPrivateKey(key.privateKey), chainPem };
      await runOn(dataDir, async (test) => {
        const codes = await refusedBy(test, makeJoiner().id, identity);
        assert.deepEqual(codes, twice("403 pki.chain_wrong_purpose"));
      });
    }));

  it("refuses certificates of a stranger's authority for the same names", () =>
    withCentral(async (test) => {
      const { id } = await joinOver(test);
      const foreign = createTestAuthority({ trustDomain: TRUST_DOMAIN, now: test.clock.now });
      const key = createKeyPair("p256");
      const chainPem = foreign.issueAgentLeaf({
        namespace: "default",
        agentId: id,
        publicKey: key.publicKey,
        purpose: "client",
      });
      const identity = { keyPem: exportPrivateKey(key.privateKey), chainPem };
      const codes = await refusedBy(test, id, identity);
      for (const code of codes) assert.match(code, /^403 pki\.chain_(untrusted|bad_signature)$/);
    }));

  it("refuses a certificate that has expired", () =>
    withCentral(async (test) => {
      const { id, identity } = await joinOver(test);
      test.clock.advance(DAY_MS + 60_000);
      const codes = await refusedBy(test, id, identity);
      for (const code of codes) assert.match(code, /^403 .*expired/);
    }));

  it("an agent of one namespace is nobody's agent in another", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const known = await joinIn(dataDir, "plant");
      // The same id and key, certified by the authority of the other namespace.
      const core = await openCore(dataDir);
      const issued = core.authority.issueAgentLeaf({
        namespace: "plant",
        agentId: known.id,
        purpose: "client",
        publicKey: known.client.publicKey,
      });
      const chainPem = toPem([issued.certificate, core.authority.agentIntermediate("plant")]);
      await core.close();
      const identity = { keyPem: known.identity.keyPem, chainPem };
      await runOn(dataDir, async (test) => {
        const codes = await refusedBy(test, known.id, identity);
        assert.deepEqual(codes, twice("403 admission.agent_unknown"));
      });
    }));
});

describe("join tokens at the door", () => {
  it("without certificate and token there is 401, how to log in, and what to do", () =>
    withCentral(async (test) => {
      const { id } = makeJoiner();
      assert.deepEqual(await refusedBy(test, id), twice("401 admission.credential_missing"));
      const answer = await poll(test, messageOf(id, 0));
      assert.match(String(answer.headers["www-authenticate"]), /^Bearer/);
      assert.match(answer.text, /tautline tokens create/);
    }));

  it("malformed, unknown and wrong credentials are told apart by nothing", () =>
    withCentral(async (test) => {
      const { id } = makeJoiner();
      const token = await newToken(test);
      const wrong = bearer({ tokenId: token.tokenId, secret: Buffer.alloc(32) });
      const unknown = bearer({ tokenId: "0".repeat(16), secret: token.secret });
      for (const headers of [
        wrong,
        unknown,
        { authorization: "Bearer" },
        { authorization: "Bearer x" },
        { authorization: `Bearer ${"x".repeat(5_000)}` },
        { authorization: "Basic eDp5" },
      ]) {
        const codes = await refusedBy(test, id, undefined, headers);
        assert.deepEqual(codes, twice("401 enrolment.token_unknown"));
      }
    }));

  it("a revoked token is refused before anything is read, and that is audited", () =>
    withCentral(async (test) => {
      const token = await newToken(test);
      await admin(test, "POST", `/api/v1/tokens/${token.tokenId}/revoke`);
      const codes = await refusedBy(test, makeJoiner().id, undefined, bearer(token));
      assert.deepEqual(codes, twice("401 enrolment.token_revoked"));
      const { items } = await admin<Items<{ action: string; actor: string }>>(
        test,
        "GET",
        "/api/v1/audit",
      );
      const refused = items.filter(({ action }) => action === "token.refused");
      assert.deepEqual(
        refused.map(({ actor }) => actor),
        [`token:${token.tokenId}`],
      );
    }));

  it("a token lets its holder join and nothing else: no status, no settings, no list", () =>
    withCentral(async (test) => {
      const token = await newToken(test, { uses: 2 });
      const known = await joinOver(test);
      const answer = polled(
        await poll(test, messageOf(known.id, 0, described({ role: "forged" })), {
          headers: bearer(token),
        }),
      );
      const { code } = fromWireText(answer.errorResponse?.errorMessage ?? "");
      assert.equal(code, "enrolment.request_malformed");
      const page = await admin<{ attributes: object }>(test, "GET", `/api/v1/agents/${known.id}`);
      assert.deepEqual(page.attributes, {});
      assert.deepEqual(await listed(test), []);
    }));

  it("an expired agent name or token reaches the joining host as a code, a sentence and a remedy", () =>
    withCentral(async (test) => {
      const token = await newToken(test);
      test.clock.advance(60 * 60_000);
      const link = await openJoining(test, token);
      const { id, request } = makeJoiner();
      link.send(joinMessage(request));
      const answer = await link.next();
      assert.equal(answer.instanceUid.length, 16);
      const { code, text } = fromWireText(answer.errorResponse?.errorMessage ?? "");
      assert.equal(code, "enrolment.token_expired");
      assert.match(text, /expired at .* Remedy: Create a new one/);
      assert.deepEqual(await link.closed, { code: 1008, reason: "enrolment.token_expired" });
      const { items } = await admin<Items<{ action: string; subject: string }>>(
        test,
        "GET",
        "/api/v1/audit",
      );
      assert.deepEqual(
        items.filter(({ action }) => action === "token.refused").map(({ subject }) => subject),
        [`agent:${id}`],
      );
    }));

  it("joins by polling as well", () =>
    withCentral(async (test) => {
      const { request } = makeJoiner();
      const token = await newToken(test);
      const answer = polled(await poll(test, joinMessage(request), { headers: bearer(token) }));
      assert.ok(answer.connectionSettings?.opamp?.certificate !== undefined);
    }));
});

const page = (test: TestCentral, { id }: JoinedAgent): Promise<{ attributes: object }> =>
  admin(test, "GET", `/api/v1/agents/${id}`);

describe("an agent speaks for itself alone", () => {
  it("A30, A11: by WebSocket its link is closed, by polling it is refused; the other agent is not touched", () =>
    withCentral(async (test) => {
      const [mine, other] = [await joinOver(test), await joinOver(test)];
      const forged = messageOf(other.id, 0, described({ role: "forged" }));
      const link = await openControl(test, mine);
      link.send(forged);
      const { errorResponse } = await link.next();
      assert.equal(fromWireText(errorResponse?.errorMessage ?? "").code, "opamp.not_your_id");
      assert.deepEqual(await link.closed, { code: 1008, reason: "opamp.not_your_id" });
      const answer = polled(await poll(test, forged, { identity: mine.identity }));
      assert.equal(
        fromWireText(answer.errorResponse?.errorMessage ?? "").code,
        "opamp.not_your_id",
      );
      for (const each of [mine, other]) {
        assert.deepEqual((await page(test, each)).attributes, {});
      }
      assert.deepEqual(await listed(test), []);
      const { items } = await admin<Items<{ action: string; actor: string }>>(
        test,
        "GET",
        "/api/v1/audit",
      );
      const refused = items.filter(({ action }) => action === "link.refused");
      assert.deepEqual(
        refused.map(({ actor }) => actor),
        [`agent:${mine.id}`],
      );
    }));

  it("A6: a revoked agent's live link closes at once, with the reason", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described()));
      await link.next();
      assert.deepEqual(await listed(test), [agent.id]);
      await admin(test, "POST", `/api/v1/agents/${agent.id}/revoke`);
      const { errorResponse } = await link.next();
      const { code } = fromWireText(errorResponse?.errorMessage ?? "");
      assert.equal(code, "admission.agent_revoked");
      assert.deepEqual(await link.closed, { code: 1008, reason: "admission.agent_revoked" });
      await refusalOf(openControl(test, agent), "link.refused");
    }));

  it("A6: so does a link that had not been answered yet", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      await admin(test, "POST", `/api/v1/agents/${agent.id}/revoke`);
      assert.equal((await link.closed).code, 1008);
    }));

  it("a second link of the same agent takes the place of the first, which is told so", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const first = await openControl(test, agent);
      first.send(messageOf(agent.id, 0, described()));
      await first.next();
      const second = await openControl(test, agent);
      second.send(messageOf(agent.id, 0, described()));
      await second.next();
      const { errorResponse } = await first.next();
      const { code } = fromWireText(errorResponse?.errorMessage ?? "");
      assert.equal(code, "admission.link_replaced");
      assert.equal((await first.closed).reason, "admission.link_replaced");
      assert.deepEqual(await listed(test), [agent.id]);
    }));

  it("a change of settings reaches a live agent at once, and only agents of its namespace", () =>
    withCentral(async (test) => {
      await admin(test, "POST", "/api/v1/namespaces", { name: "plant" });
      const here = await joinOver(test);
      const there = await joinOver(test, { namespace: "plant" });
      const [hereLink, thereLink] = [await openControl(test, here), await openControl(test, there)];
      for (const [link, { id }] of [
        [hereLink, here],
        [thereLink, there],
      ] as const) {
        link.send(messageOf(id, 0, described()));
        assert.equal((await link.next()).remoteConfig, undefined);
      }
      const setting = { namespace: "plant", key: "agents.logLevel", value: "debug" };
      await admin(test, "PUT", "/api/v1/settings", setting);
      assert.ok((await thereLink.next()).remoteConfig !== undefined);
      hereLink.send(messageOf(here.id, 1));
      assert.equal((await hereLink.next()).remoteConfig, undefined);
    }));
});
