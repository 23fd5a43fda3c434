import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:https";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { certificatesFromPem, createCsr, readCrl, serialOf, toPem } from "@tautline/pki";
import { flipSignature, withTempFolder } from "@tautline/testing";
import { WebSocket } from "ws";
import { certificateRow } from "../authority/certificate-store.ts";
import { described, joinMessage, messageOf } from "../control/fixture-messages.test.ts";
import {
  admin,
  callAdmin,
  callSecure,
  joinOver,
  type JoinedAgent,
  newToken,
  openControl,
  openJoining,
  poll,
  problemCode,
  startOn,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { makeJoiner, openCore } from "../fixture-core.test.ts";

const leafOf = (agent: JoinedAgent): X509Certificate =>
  new X509Certificate(agent.identity.chainPem);

const revokeSerial = (test: TestCentral, serial: string): Promise<{ revokedReason: string }> =>
  admin(test, "POST", `/api/v1/certificates/${serial}/revoke`, { reason: "keyCompromise" });

async function refusal(test: TestCentral, agent: JoinedAgent, identity = agent.identity) {
  const answer = await poll(test, messageOf(agent.id, 0, described()), { identity });
  return `${answer.status} ${String(problemCode(answer))}`;
}

interface Authority {
  readonly id: string;
  readonly kind: string;
  readonly crl: { readonly number: number; readonly entries: number; readonly bytes: number };
}

async function authorityOf(test: TestCentral, kind: string): Promise<Authority> {
  const { items } = await admin<{ items: Authority[] }>(test, "GET", "/api/v1/authorities");
  return items.find((each) => each.kind === kind) ?? assert.fail(`no ${kind}`);
}

describe("certs revoke", () => {
  it("A17: ends the live WebSocket by the certificate's own code, and refuses it and its flipped twin", () =>
    withCentral(async (test) => {
      const [agent, other] = [await joinOver(test), await joinOver(test)];
      const [link, stays] = [await openControl(test, agent), await openControl(test, other)];
      for (const [each, { id }] of [
        [link, agent],
        [stays, other],
      ] as const) {
        each.send(messageOf(id, 0, described()));
        await each.next();
      }
      const serial = serialOf(leafOf(agent));
      assert.equal((await revokeSerial(test, serial)).revokedReason, "keyCompromise");
      const told = await link.next();
      assert.match(told.errorResponse?.errorMessage ?? "", /admission\.certificate_revoked/);
      assert.deepEqual(await link.closed, { code: 1008, reason: "admission.certificate_revoked" });
      assert.equal(await refusal(test, agent), "403 admission.certificate_revoked");
      const [leaf, ...above] = certificatesFromPem(agent.identity.chainPem);
      assert.ok(leaf);
      const chainPem = toPem([flipSignature(leaf), ...above]);
      const flipped = { ...agent.identity, chainPem };
      assert.equal(await refusal(test, agent, flipped), "403 admission.certificate_revoked");
      stays.send(messageOf(other.id, 1));
      await stays.next();
      const { items } = await admin<{ items: { agent: string }[] }>(test, "GET", "/api/v1/links");
      assert.deepEqual(
        items.map((each) => each.agent),
        [other.id],
      );
      // Done once; asked again, nothing is written a second time.
      await revokeSerial(test, serial);
      const trail = await admin<{ items: { action: string; subject: string }[] }>(
        test,
        "GET",
        "/api/v1/audit?limit=1000",
      );
      const revoked = trail.items.filter(({ action }) => action === "certificate.revoked");
      assert.deepEqual(
        revoked.map(({ subject }) => subject),
        [`agent:${agent.id}`],
      );
    }));

  it("A17, A18: a certificate over a revoked key is refused, issued after the revocation or before it, also by another start", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const first = await startOn(dataDir);
      const agent = await joinOver(first);
      await first.central.stop();
      // What no verb of central does: another certificate over the same key, as by a mistake or a stolen authority.
      const core = await openCore(dataDir, { clock: first.clock });
      const issued = core.authority.issueAgentLeaf({
        namespace: "default",
        agentId: agent.id,
        purpose: "client",
        publicKey: leafOf(agent).publicKey,
      });
      await core.store.write((trx) =>
        trx.insertInto("certificates").values(certificateRow(issued)).execute(),
      );
      await core.close();
      const chain = [issued.certificate, core.authority.agentIntermediate("default")];
      const twin = { ...agent.identity, chainPem: toPem(chain) };
      const second = await startOn(dataDir, { clock: first.clock });
      const message = messageOf(agent.id, 0, described());
      assert.equal((await poll(second, message, { identity: twin })).status, 200);
      await revokeSerial(second, serialOf(leafOf(agent)));
      assert.equal(await refusal(second, agent, twin), "403 admission.certificate_revoked");
      await second.central.stop();
      const third = await startOn(dataDir, { clock: first.clock });
      assert.equal(await refusal(third, agent, twin), "403 admission.certificate_revoked");
      assert.equal(await refusal(third, agent), "403 admission.certificate_revoked");
      await third.central.stop();
    }));

  it("a serial that is nowhere, and a reason that there is not, are refused", () =>
    withCentral(async (test) => {
      const unknown = await callAdmin(test, "POST", "/api/v1/certificates/00ff/revoke", {});
      assert.deepEqual([unknown.status, problemCode(unknown)], [404, "api.not_found"]);
      const agent = await joinOver(test);
      const path = `/api/v1/certificates/${serialOf(leafOf(agent))}/revoke`;
      const odd = await callAdmin(test, "POST", path, { reason: "certificateHold" });
      assert.deepEqual([odd.status, problemCode(odd)], [400, "api.invalid"]);
      const message = messageOf(agent.id, 0, described());
      assert.equal((await poll(test, message, { identity: agent.identity })).status, 200);
    }));

  it("of central's own certificate another one is shown at once, with another key", () =>
    withCentral(async (test) => {
      const own = async (): Promise<string[]> => {
        const { items } = await admin<{
          items: { serial: string; agent: string | null; revokedAt: string | null }[];
        }>(test, "GET", "/api/v1/certificates");
        const mine = items.filter(({ agent, revokedAt }) => agent === null && revokedAt === null);
        return mine.map(({ serial }) => serial);
      };
      const [before = ""] = await own();
      await revokeSerial(test, before);
      let [now] = await own();
      while (now === undefined) [now] = await own();
      assert.notEqual(now, before);
      for (const port of [test.agentsPort, test.consolePort]) {
        let shown = await shownSerial(port);
        while (shown === before) shown = await shownSerial(port);
        assert.equal(shown, now);
      }
      const { crl } = await authorityOf(test, "services");
      assert.equal(crl.entries, 1);
    }));
});

async function shownSerial(port: number): Promise<string> {
  const call = request({
    host: "127.0.0.1",
    port,
    path: "/",
    rejectUnauthorized: false,
    agent: false,
  });
  call.on("error", () => undefined);
  const [socket] = (await once(call, "socket")) as [TLSSocket];
  await once(socket, "secureConnect");
  const serial = socket.getPeerX509Certificate()?.serialNumber.toLowerCase() ?? "";
  call.destroy();
  return serial;
}

describe("agents revoke", () => {
  it("F19: the kept connection of a polling agent is cut, not just refused at its next request", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const kept = new Agent({ keepAlive: true, maxSockets: 1 });
      const post = (): Promise<Socket> =>
        new Promise((resolve, reject) => {
          const call = request(
            {
              host: "127.0.0.1",
              port: test.agentsPort,
              method: "POST",
              path: "/v1/opamp",
              agent: kept,
              rejectUnauthorized: false,
              key: agent.identity.keyPem,
              cert: agent.identity.chainPem,
              headers: { "content-type": "application/x-protobuf" },
            },
            (answer) => {
              const { socket } = answer;
              assert.equal(answer.statusCode, 200);
              answer.resume().once("end", () => resolve(socket));
            },
          );
          call.once("error", reject);
          call.end(messageOf(agent.id, 0, described()));
        });
      const socket = await post();
      const closed = once(socket, "close");
      await admin(test, "POST", `/api/v1/agents/${agent.id}/revoke`);
      await closed;
      kept.destroy();
      const { items } = await admin<{ items: unknown[] }>(test, "GET", "/api/v1/links");
      assert.deepEqual(items, []);
      assert.equal(await refusal(test, agent), "403 admission.agent_revoked");
    }));

  it("A18: who joins with new keys after the revocation is welcome; the token of before takes nobody back", () =>
    withCentral(async (test) => {
      const token = await newToken(test, { uses: 2 });
      const joiner = makeJoiner();
      const join_ = async (request_: ReturnType<typeof makeJoiner>) => {
        const link = await openJoining(test, token);
        link.send(joinMessage(request_.request));
        const answer = await link.next();
        link.close();
        return answer.errorResponse?.errorMessage ?? "";
      };
      assert.equal(await join_(joiner), "");
      await admin(test, "POST", `/api/v1/agents/${joiner.id}/revoke`);
      assert.match(await join_(joiner), /admission\.agent_revoked/);
      const thief = makeJoiner();
      const stolen = {
        ...thief.request,
        clientCsrPem: createCsr(joiner.client.privateKey, thief.id),
      };
      assert.match(await join_({ ...thief, request: stolen }), /enrolment\.key_taken/);
      assert.equal(await join_(makeJoiner()), "");
    }));

  it("a joining link is closed when its token is revoked", () =>
    withCentral(async (test) => {
      const token = await newToken(test);
      const link = await openJoining(test, token);
      await admin(test, "POST", `/api/v1/tokens/${token.tokenId}/revoke`);
      assert.deepEqual(await link.closed, { code: 1008, reason: "enrolment.token_revoked" });
    }));

  it("F5: a link that may only renew is closed when its agent is revoked", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const proven = await openControl(test, agent);
      proven.send(messageOf(agent.id, 0, described()));
      await proven.next();
      proven.close();
      await proven.closed;
      test.clock.advance(25 * 3_600_000);
      // Central's own certificate has ended as well on this clock, so the test dials without looking at it.
      const lapsed = await openUnchecked(test, agent);
      await admin(test, "POST", `/api/v1/agents/${agent.id}/revoke`);
      const [code, reason] = (await once(lapsed, "close")) as [number, Buffer];
      assert.deepEqual([code, reason.toString()], [1008, "admission.agent_revoked"]);
    }));
});

async function openUnchecked(test: TestCentral, agent: JoinedAgent) {
  const socket = new WebSocket(`wss://127.0.0.1:${test.agentsPort}/v1/opamp`, {
    rejectUnauthorized: false,
    key: agent.identity.keyPem,
    cert: agent.identity.chainPem,
  });
  await once(socket, "open");
  return socket;
}

describe("/crl/ID.crl on the console port", () => {
  it("gives anybody the authority's list in DER, and nothing twice to a cache that has it", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const serial = serialOf(leafOf(agent));
      await revokeSerial(test, serial);
      const { id } = await authorityOf(test, "agents");
      const path = `/crl/${id}.crl`;
      const asked = await admin<{ number: number }>(test, "GET", `/api/v1/authorities/${id}/crl`);
      const answer = await callSecure({ port: test.consolePort, path });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-type"], "application/pkix-crl");
      assert.equal(answer.headers["cache-control"], "public, max-age=60");
      assert.equal(answer.headers.etag, `"${id}-${asked.number}"`);
      const list = readCrl(answer.body);
      const [, issuer] = certificatesFromPem(agent.identity.chainPem);
      assert.ok(issuer);
      list.verify(issuer, new Date(test.clock.now()));
      assert.equal(list.isRevoked(serial), true);
      const etag = answer.headers.etag ?? "";
      for (const tag of [etag, `W/${etag}`, `"x", ${etag}`]) {
        const headers = { "if-none-match": tag };
        const again = await callSecure({ port: test.consolePort, path, headers });
        assert.deepEqual([again.status, again.body.length], [304, 0]);
      }
      const headers = { "if-none-match": '"older"' };
      assert.equal((await callSecure({ port: test.consolePort, path, headers })).status, 200);
    }));

  it("A8: knows no list of what is no authority, however it is spelt", () =>
    withCentral(async (test) => {
      const { id } = await authorityOf(test, "agents");
      for (const file of [
        "00.crl",
        id,
        `${id}.CRL`,
        `${id.toUpperCase()}.crl`,
        `${id}.crl%00`,
        ".crl",
        `%2e%2e%2f${id}.crl`,
      ]) {
        const answer = await callSecure({ port: test.consolePort, path: `/crl/${file}` });
        assert.ok([401, 404].includes(answer.status), `${file}: ${answer.status}`);
      }
    }));
});
