import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { approvalCode, createCsr, serialOf, spkiPin } from "@tautline/pki";
import type { JoinToken, TautlineError } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  type Core,
  DAY_MS,
  HOUR_MS,
  type Joiner,
  joinWith,
  makeJoiner,
  makeToken,
  openCore,
  withCore,
} from "../fixture-core.test.ts";
import { withTempFolder } from "@tautline/testing";

const OPERATOR = "operator:local";

interface Ground {
  readonly core: Core;
  readonly token: JoinToken;
  readonly joiner: Joiner;
}

const csrs = (keys: Joiner, id: string) => ({
  clientCsrPem: createCsr(keys.client.privateKey, id),
  serverCsrPem: createCsr(keys.server.privateKey, id),
});

const FROM = { attributes: { "host.name": "web-1.example" }, remoteAddress: "192.0.2.7" };

/** Asks and must be told to wait. */
async function askAndWait({ core, token, joiner }: Ground): Promise<TautlineError> {
  const asked = joinWith(core, token, { ...joiner.request, from: FROM });
  return refusalOf(asked, "enrolment.approval_pending");
}

const withCandidate = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const token = await makeToken(core, { approve: true });
    const ground = { core, token, joiner: makeJoiner() };
    await askAndWait(ground);
    await use(ground);
  });

async function counted({ store, tokens }: Core): Promise<number[]> {
  const certificates = await store.read((db) =>
    db.selectFrom("certificates").select("serial").where("agent_id", "is not", null).execute(),
  );
  const uses = (await tokens.list()).reduce((sum, { usesMade }) => sum + usesMade, 0);
  return [certificates.length, uses];
}

describe("a candidate, who joins by a token that asks for approval (RS-26)", () => {
  it("is recorded with all that is known of it, for one use of the token, and holds no certificate", () =>
    withCandidate(async ({ core, joiner, token }) => {
      assert.deepEqual(await counted(core), [0, 1]);
      const page = await core.agents.page(joiner.id);
      assert.deepEqual(
        [page.state, page.name, page.namespace, page.token, page.version, page.attributes],
        ["pending", "web-1", "default", token.tokenId, "0.1.0", FROM.attributes],
      );
      const { approval } = page;
      const pins = [spkiPin(joiner.client.publicKey), spkiPin(joiner.server.publicKey)] as const;
      assert.deepEqual(approval, {
        kind: "join",
        decision: null,
        code: approvalCode(...pins),
        requestedAt: new Date(core.clock.now()).toISOString(),
        remoteAddress: "192.0.2.7",
        expiredAt: null,
        clientKey: pins[0].toString("hex"),
        serverKey: pins[1].toString("hex"),
        decidedAt: null,
        decidedBy: null,
      });
      assert.equal((await actionsOf(core)).at(-1), "agent.pending");
    }));

  it("that asks again takes no use, writes nothing, and learns its code and when to ask next", () =>
    withCandidate(async (ground) => {
      const { core } = ground;
      const before = await actionsOf(core);
      core.clock.advance(HOUR_MS);
      const error = await askAndWait(ground);
      const { approval } = await core.agents.page(ground.joiner.id);
      assert.deepEqual(error.detail, {
        id: ground.joiner.id,
        code: approval?.code,
        retryAfterSeconds: 300,
      });
      assert.deepEqual(await counted(core), [0, 1]);
      assert.deepEqual(await actionsOf(core), before);
    }));

  it("gets its certificates when it asks after the approval, in one transaction, however late (F3)", () =>
    withCandidate(async (ground) => {
      const { core, joiner, token } = ground;
      await core.life.approve(joiner.id, OPERATOR);
      assert.deepEqual(await counted(core), [0, 1]);
      assert.equal((await core.agents.page(joiner.id)).state, "joining");
      core.clock.advance(40 * DAY_MS);
      const enrolled = await joinWith(core, token, joiner.request);
      assert.ok(enrolled.clientCertificate.validToDate.getTime() > core.clock.now());
      assert.deepEqual(await counted(core), [2, 1]);
      assert.deepEqual((await actionsOf(core)).slice(-2), ["agent.approved", "agent.joined"]);
      const again = await joinWith(core, token, joiner.request);
      assert.equal(serialOf(again.clientCertificate), serialOf(enrolled.clientCertificate));
      assert.equal((await core.agents.page(joiner.id)).approval, null);
    }));

  it("needs no second approval when what was issued has ended before the host could use it", () =>
    withCandidate(async ({ core, joiner, token }) => {
      await core.life.approve(joiner.id, OPERATOR);
      const first = await joinWith(core, token, joiner.request);
      core.clock.advance(2 * DAY_MS);
      const second = await joinWith(core, token, joiner.request);
      assert.notEqual(serialOf(second.clientCertificate), serialOf(first.clientCertificate));
    }));

  it("stays recorded, and approved, while central is restarted (F3)", () =>
    withTempFolder(async (folder) => {
      const first = await openCore(folder);
      const token = await makeToken(first, { approve: true });
      const joiner = makeJoiner();
      await askAndWait({ core: first, token, joiner });
      await first.close();
      const second = await openCore(folder);
      await askAndWait({ core: second, token, joiner });
      await second.life.approve(joiner.id, OPERATOR);
      await second.close();
      const third = await openCore(folder);
      await joinWith(third, token, joiner.request);
      assert.deepEqual(await counted(third), [2, 1]);
      await third.close();
    }));

  it("that is declined learns it, and may be approved after all", () =>
    withCandidate(async ({ core, joiner, token }) => {
      await core.life.decline(joiner.id, OPERATOR);
      assert.equal((await core.agents.page(joiner.id)).state, "declined");
      await refusalOf(joinWith(core, token, joiner.request), "enrolment.declined");
      assert.deepEqual(await counted(core), [0, 1]);
      await core.life.approve(joiner.id, OPERATOR);
      await joinWith(core, token, joiner.request);
      assert.deepEqual(await counted(core), [2, 1]);
    }));

  it("that was approved and has not come for it may be declined", () =>
    withCandidate(async ({ core, joiner, token }) => {
      await core.life.approve(joiner.id, OPERATOR);
      await core.life.decline(joiner.id, OPERATOR);
      await refusalOf(joinWith(core, token, joiner.request), "enrolment.declined");
    }));

  it("A18: gets nothing once its token is revoked, and cannot be approved then", () =>
    withCandidate(async ({ core, joiner, token }) => {
      await core.tokens.revoke(token.tokenId, OPERATOR);
      await refusalOf(core.life.approve(joiner.id, OPERATOR), "enrolment.token_revoked");
      await refusalOf(joinWith(core, token, joiner.request), "enrolment.token_revoked");
      assert.equal((await core.agents.page(joiner.id)).state, "pending");
    }));

  it("A17: keeps its keys: nobody else is let in by them, and its id is nobody else's", () =>
    withCandidate(async ({ core, joiner, token }) => {
      const thief = makeJoiner("thief");
      const open = await makeToken(core, { uses: 5 });
      const withItsKeys = { ...thief.request, ...csrs(joiner, thief.id) };
      await refusalOf(joinWith(core, open, withItsKeys), "enrolment.key_taken");
      const underItsId = { ...joiner.request, ...csrs(thief, joiner.id) };
      await refusalOf(joinWith(core, token, underItsId), "enrolment.id_taken");
      assert.deepEqual((await core.agents.list()).length, 1);
    }));

  it("never more of them than the token has uses", () =>
    withCore(async (core) => {
      const token = await makeToken(core, { approve: true, uses: 2 });
      for (const name of ["a", "b"]) await askAndWait({ core, token, joiner: makeJoiner(name) });
      const third = joinWith(core, token, makeJoiner("c").request);
      await refusalOf(third, "enrolment.token_used_up");
      assert.equal((await core.agents.list()).length, 2);
    }));
});

describe("approving", () => {
  it("compares the code, if one is given, as people write it", () =>
    withCandidate(async ({ core, joiner }) => {
      const { approval } = await core.agents.page(joiner.id);
      const typed = (approval?.code ?? "").toLowerCase().replaceAll("-", " ");
      const wrong = core.life.approve(joiner.id, OPERATOR, "AAA-AAA");
      await refusalOf(wrong, "enrolment.code_mismatch");
      assert.equal((await core.agents.page(joiner.id)).state, "pending");
      await core.life.approve(joiner.id, OPERATOR, typed);
      assert.equal((await core.agents.page(joiner.id)).approval?.decision, "approved");
    }));

  it("done twice is done once, and says by whom", () =>
    withCandidate(async ({ core, joiner }) => {
      await core.life.approve(joiner.id, "operator:anna");
      await core.life.approve(joiner.id, "operator:bert");
      const { approval } = await core.agents.page(joiner.id);
      assert.equal(approval?.decidedBy, "operator:anna");
      const approvals = (await actionsOf(core)).filter((action) => action === "agent.approved");
      assert.equal(approvals.length, 1);
    }));

  it("is refused for whoever waits for nothing", () =>
    withCandidate(async ({ core, joiner, token }) => {
      await core.life.approve(joiner.id, OPERATOR);
      await joinWith(core, token, joiner.request);
      for (const decide of ["approve", "decline"] as const) {
        await refusalOf(core.life[decide](joiner.id, OPERATOR), "enrolment.not_waiting");
        await refusalOf(core.life[decide](makeJoiner().id, OPERATOR), "api.not_found");
      }
      await core.agents.revoke(joiner.id, OPERATOR);
      await refusalOf(core.life.approve(joiner.id, OPERATOR), "enrolment.not_waiting");
    }));

  it("is over once the candidate was revoked: it learns that, and stays out", () =>
    withCandidate(async ({ core, joiner, token }) => {
      await core.agents.revoke(joiner.id, OPERATOR);
      await refusalOf(core.life.approve(joiner.id, OPERATOR), "enrolment.not_waiting");
      await refusalOf(joinWith(core, token, joiner.request), "admission.agent_revoked");
    }));
});
