import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCsr, createKeyPair, serialOf, spkiPin, verifyChain } from "@tautline/pki";
import { type ErrorCode, formatSpiffeId, makeAgentId } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  type Core,
  HOUR_MS,
  joinNew,
  joinWith,
  type Joiner,
  makeJoiner,
  makeToken,
  openCore,
  TRUST_DOMAIN,
  withCore,
} from "../fixture-core.test.ts";
import { enrol } from "./enrol.ts";
import { hugeRsaCsr, opensslCsr, stolenKeyCsr } from "./fixture-csr.test.ts";

const usesOf = async (core: Core): Promise<number> =>
  (await core.tokens.list()).reduce((sum, token) => sum + token.usesMade, 0);

/** What exists of identities: agents, certificates of agents, uses made. All zero where nothing was given away. */
async function givenAway(core: Core): Promise<number[]> {
  const certificates = await core.store.read((db) =>
    db.selectFrom("certificates").select("serial").where("agent_id", "is not", null).execute(),
  );
  return [(await core.agents.list()).length, certificates.length, await usesOf(core)];
}

describe("enrol", () => {
  it("gives a recorded identity with two leaves of their own keys, audited, for one use", () =>
    withCore(async (core) => {
      const skip = (await actionsOf(core)).length;
      const { id, client, server, enrolled } = await joinNew(core, { name: "web-1" });
      assert.deepEqual(await givenAway(core), [1, 2, 1]);
      assert.deepEqual(await actionsOf(core, skip), ["token.created", "agent.joined"]);
      const [agent] = await core.agents.list();
      assert.deepEqual([agent?.id, agent?.name, agent?.state], [id, "web-1", "joining"]);
      const spiffeId = formatSpiffeId({
        kind: "agent",
        trustDomain: TRUST_DOMAIN,
        namespace: "default",
        agentId: id,
      });
      for (const [leaf, key, purpose] of [
        [enrolled.clientCertificate, client, "client"],
        [enrolled.serverCertificate, server, "server"],
      ] as const) {
        assert.ok(spkiPin(leaf).equals(spkiPin(key.publicKey)));
        const verdict = verifyChain({
          leaf,
          intermediates: [core.authority.agentIntermediate("default")],
          roots: [core.authority.root],
          at: new Date(core.clock.now()),
          purpose,
          expect: { spiffeId, kind: "agent" },
        });
        assert.ok(verdict.ok);
      }
    }));

  it("F3: asked again with the same token, id and keys, gives the same certificates and takes nothing", () =>
    withCore(async (core) => {
      const token = await makeToken(core);
      const { request } = makeJoiner();
      const first = await joinWith(core, token, request);
      const before = await actionsOf(core);
      // As after a crash: also when the token has expired since, and after a restart of the host's clock.
      core.clock.advance(2 * HOUR_MS);
      const again = await joinWith(core, token, { ...request, name: "another label" });
      assert.equal(serialOf(again.clientCertificate), serialOf(first.clientCertificate));
      assert.equal(serialOf(again.serverCertificate), serialOf(first.serverCertificate));
      assert.equal(again.agent.name, first.agent.name);
      assert.deepEqual(await givenAway(core), [1, 2, 1]);
      assert.deepEqual(await actionsOf(core), before);
    }));

  it("F3: gives the same also after central was restarted in between", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      const token = await makeToken(core);
      const { request } = makeJoiner();
      const first = await joinWith(core, token, request);
      await core.close();
      const restarted = await openCore(folder);
      const again = await joinWith(restarted, token, request);
      assert.equal(serialOf(again.clientCertificate), serialOf(first.clientCertificate));
      await restarted.close();
    }));

  it("lets exactly one of many win the last use of a token", () =>
    withCore(async (core) => {
      const token = await makeToken(core, { uses: 3 });
      const joiners = Array.from({ length: 20 }, (_, at) => makeJoiner(`web-${at}`));
      const outcomes = await Promise.allSettled(
        joiners.map(({ request }) => joinWith(core, token, request)),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") {
          await refusalOf(Promise.reject(outcome.reason), "enrolment.token_used_up");
        }
      }
      assert.deepEqual(await givenAway(core), [3, 6, 3]);
    }));

  it("gives the same request, sent many times at once, one identity", () =>
    withCore(async (core) => {
      const token = await makeToken(core);
      const { request } = makeJoiner();
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => joinWith(core, token, request)),
      );
      const serials = new Set(answers.map((answer) => serialOf(answer.clientCertificate)));
      assert.equal(serials.size, 1);
      assert.deepEqual(await givenAway(core), [1, 2, 1]);
    }));
});

describe("enrol refuses", () => {
  const tokens: {
    name: string;
    code: ErrorCode;
    spoil: (core: Core, tokenId: string) => Promise<unknown> | void;
  }[] = [
    {
      name: "an expired token",
      code: "enrolment.token_expired",
      spoil: (core) => void core.clock.advance(HOUR_MS),
    },
    {
      name: "a revoked token",
      code: "enrolment.token_revoked",
      spoil: (core, id) => core.tokens.revoke(id, "operator:local"),
    },
    {
      name: "a token that was used up",
      code: "enrolment.token_used_up",
      spoil: (core, id) =>
        core.store.write((trx) =>
          trx.updateTable("tokens").set({ uses_made: 1 }).where("id", "=", id).execute(),
        ),
    },
  ];
  for (const { name, code, spoil } of tokens) {
    it(`${name}, and gives nothing away`, () =>
      withCore(async (core) => {
        const token = await makeToken(core);
        await spoil(core, token.tokenId);
        const before = await givenAway(core);
        await refusalOf(joinWith(core, token, makeJoiner().request), code);
        assert.deepEqual(await givenAway(core), before);
      }));
  }

  it("a token that was revoked between its proof and its use", () =>
    withCore(async (core) => {
      const token = await makeToken(core);
      const row = await core.tokens.prove(token.tokenId, token.secret);
      await core.tokens.revoke(token.tokenId, "operator:local");
      const { store, tokens, authority, audit, clock } = core;
      const deps = { store, tokens, authority, audit, now: clock.now };
      await refusalOf(enrol(deps, row, makeJoiner().request), "enrolment.token_revoked");
      assert.deepEqual(await givenAway(core), [0, 0, 0]);
    }));

  it("a secret that is wrong by a bit and an id that is unknown, in the same words", () =>
    withCore(async (core) => {
      const { tokenId, secret } = await makeToken(core);
      const wrong = Buffer.from(secret);
      wrong[31] = (wrong[31] ?? 0) ^ 1;
      const known = await refusalOf(core.tokens.prove(tokenId, wrong), "enrolment.token_unknown");
      const unknown = await refusalOf(core.tokens.prove("0".repeat(16), secret));
      assert.equal(known.message, unknown.message);
      assert.deepEqual(known.detail, unknown.detail);
    }));

  it("A3: the id of a known agent to whoever has other keys", () =>
    withCore(async (core) => {
      const known = await joinNew(core);
      const stranger = makeJoiner();
      const request = {
        ...stranger.request,
        agentId: known.id,
        clientCsrPem: createCsr(stranger.client.privateKey, known.id),
        serverCsrPem: createCsr(stranger.server.privateKey, known.id),
      };
      const refusal = await refusalOf(joinWith(core, await makeToken(core), request));
      assert.equal(refusal.code, "enrolment.id_taken");
      assert.deepEqual(await givenAway(core), [1, 2, 1]);
    }));

  it("the known agent itself when it comes with another token: it has its identity", () =>
    withCore(async (core) => {
      const known = await joinNew(core);
      const other = await makeToken(core);
      await refusalOf(joinWith(core, other, known.request), "enrolment.id_taken");
    }));

  it("a revoked agent, also by the token it joined with", () =>
    withCore(async (core) => {
      const token = await makeToken(core, { uses: 2 });
      const { id, request } = makeJoiner();
      await joinWith(core, token, request);
      await core.agents.revoke(id, "operator:local");
      await refusalOf(joinWith(core, token, request), "admission.agent_revoked");
    }));

  it("A17: a key that was certified for another agent, so that no revoked one comes back under a new id", () =>
    withCore(async (core) => {
      const known = await joinNew(core);
      await core.agents.revoke(known.id, "operator:local");
      const fresh = makeJoiner();
      for (const [old, role] of [
        [known.client, "clientCsrPem"],
        [known.server, "clientCsrPem"],
        [known.server, "serverCsrPem"],
      ] as const) {
        const request = { ...fresh.request, [role]: createCsr(old.privateKey, fresh.id) };
        await refusalOf(joinWith(core, await makeToken(core), request), "enrolment.key_taken");
      }
      assert.equal((await core.agents.list()).length, 1);
    }));

  it("one key for both leaves", () =>
    withCore(async (core) => {
      const { id, client, request } = makeJoiner();
      const both = { ...request, serverCsrPem: createCsr(client.privateKey, id) };
      const refusal = await refusalOf(joinWith(core, await makeToken(core), both));
      assert.equal(refusal.code, "enrolment.request_malformed");
      assert.match(refusal.message, /one key/);
      assert.deepEqual(await givenAway(core), [0, 0, 0]);
    }));

  const names: { name: string; text: string }[] = [
    { name: "a line end", text: "web\n1" },
    { name: "a terminal's escape", text: "web\u001b[31m" },
    { name: "a right-to-left mark", text: "web\u202E1" },
    { name: "a NUL", text: "web\0" },
    { name: "a space at its end", text: "web " },
    { name: "nothing in it", text: "" },
    { name: "a character too many", text: "x".repeat(129) },
  ];
  for (const { name, text } of names) {
    it(`A27: a name with ${name}, in words that a joining agent can show`, () =>
      withCore(async (core) => {
        const { request } = makeJoiner();
        const work = joinWith(core, await makeToken(core), { ...request, name: text });
        const refusal = await refusalOf(work, "value.agent_name");
        assert.equal(refusal.status, 400);
        assert.equal(/[\p{Cc}\p{Cf}]/u.test(refusal.message), false);
        assert.match(refusal.remedy, /1 to 128 printable characters/);
        assert.deepEqual(await givenAway(core), [0, 0, 0]);
      }));
  }
});

describe("enrol takes names as they are", () => {
  for (const text of [
    "$(rm -rf /)",
    "`id`; id | sh && id > x",
    `"quoted" 'twice' \\`,
    "Robert'); DROP TABLE agents;--",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "{{7*7}} %s %n",
    "sörver-東京-🚀",
    "__proto__",
    "x".repeat(128),
  ]) {
    it(`A27: ${text.slice(0, 40)}`, () =>
      withCore(async (core) => {
        await joinNew(core, { name: text });
        const [agent] = await core.agents.list();
        assert.equal(agent?.name, text);
        const entries = await core.audit.list({ limit: 100 });
        const joined = entries.find((entry) => entry.action === "agent.joined");
        assert.equal(joined?.detail?.["name"], text);
      }));
  }
});

describe("enrol and hostile certificate requests", () => {
  const hostile: {
    name: string;
    code: ErrorCode;
    make: (joiner: Joiner, folder: string) => string;
  }[] = [
    {
      name: "another agent's id as its subject",
      code: "pki.csr_not_permitted",
      make: (_joiner, folder) =>
        opensslCsr(folder, { commonName: makeAgentId(1, Buffer.alloc(10)) }),
    },
    {
      name: "central's name as its subject",
      code: "pki.csr_not_permitted",
      make: (_joiner, folder) => opensslCsr(folder, { commonName: "central" }),
    },
    {
      name: "central's id as alternative name",
      code: "pki.csr_not_permitted",
      make: (_joiner, folder) =>
        opensslCsr(folder, { extensions: [`subjectAltName=URI:spiffe://${TRUST_DOMAIN}/central`] }),
    },
    {
      name: "a wildcard",
      code: "pki.csr_not_permitted",
      make: (joiner, folder) =>
        opensslCsr(folder, {
          commonName: joiner.id,
          extensions: ["subjectAltName=DNS:*.example.org"],
        }),
    },
    {
      name: "the right to sign certificates",
      code: "pki.csr_not_permitted",
      make: (_joiner, folder) =>
        opensslCsr(folder, { extensions: ["basicConstraints=critical,CA:TRUE"] }),
    },
    {
      name: "another purpose",
      code: "pki.csr_not_permitted",
      make: (_joiner, folder) =>
        opensslCsr(folder, { extensions: ["extendedKeyUsage=serverAuth"] }),
    },
    { name: "a huge RSA key", code: "pki.key_not_accepted", make: () => hugeRsaCsr(16_384) },
    {
      name: "a small RSA key",
      code: "pki.key_not_accepted",
      make: (_joiner, folder) => opensslCsr(folder, { key: ["RSA", "rsa_keygen_bits:1024"] }),
    },
    {
      name: "a curve that is not accepted",
      code: "pki.key_not_accepted",
      make: (_joiner, folder) => opensslCsr(folder, { key: ["EC", "ec_paramgen_curve:secp256k1"] }),
    },
    {
      name: "a key that its sender does not hold",
      code: "pki.csr_bad_signature",
      make: () => stolenKeyCsr(),
    },
    { name: "no request in it", code: "pki.csr_malformed", make: () => "hello" },
    {
      name: "two requests",
      code: "pki.csr_malformed",
      make: (joiner) => joiner.request.clientCsrPem + joiner.request.serverCsrPem,
    },
  ];
  for (const { name, code, make } of hostile) {
    it(`A12: refuses ${name}, for either leaf, and gives nothing away`, () =>
      withTempFolder((folder) =>
        withCore(async (core) => {
          const token = await makeToken(core);
          for (const role of ["clientCsrPem", "serverCsrPem"] as const) {
            const joiner = makeJoiner();
            const request = { ...joiner.request, [role]: make(joiner, folder) };
            await refusalOf(joinWith(core, token, request), code);
          }
          assert.deepEqual(await givenAway(core), [0, 0, 0]);
        }),
      ));
  }

  it("A12: takes the key from a request and every name from its own record", () =>
    withCore(async (core) => {
      const { id, request } = makeJoiner();
      const key = createKeyPair("ed25519");
      const bare = { ...request, serverCsrPem: createCsr(key.privateKey) };
      const { serverCertificate } = await joinWith(core, await makeToken(core), bare);
      assert.ok(spkiPin(serverCertificate).equals(spkiPin(key.publicKey)));
      assert.equal(
        serverCertificate.subjectAltName,
        `URI:spiffe://default.${TRUST_DOMAIN}/agent/${id}`,
      );
    }));
});

describe("A3: an agent that comes with the name of an earlier one", () => {
  it("inherits nothing: neither state, settings, attributes, links, certificates nor instructions", () =>
    withCore(async (core) => {
      const first = await joinNew(core, { name: "web-1" });
      await core.agents.activate(first.id);
      await core.agents.saveStatus(first.id, {
        version: "9.9.9",
        attributes: { role: "secret" },
        health: { healthy: true },
        config: { hash: "aa", status: "applied", error: "" },
      });
      await core.instructions.issue({
        agentId: first.id,
        namespace: "default",
        kind: "settings",
        digest: Buffer.alloc(32),
      });
      await core.agents.revoke(first.id, "operator:local");
      const second = await joinNew(core, { name: "web-1" });
      const page = await core.agents.page(second.id);
      assert.deepEqual(page.attributes, {});
      assert.equal(page.health, null);
      assert.deepEqual(page.settings, { hash: null, status: "unset", error: "" });
      assert.deepEqual([page.state, page.version, page.lastSeenAt], ["joining", "0.1.0", null]);
      assert.notEqual(
        serialOf(second.enrolled.clientCertificate),
        serialOf(first.enrolled.clientCertificate),
      );
      assert.equal((await core.agents.page(first.id)).state, "revoked");
      const rows = await core.store.read((db) =>
        db.selectFrom("agents").select(["id", "instruction_seq"]).execute(),
      );
      assert.equal(rows.find((row) => row.id === second.id)?.instruction_seq, 0);
    }));
});
