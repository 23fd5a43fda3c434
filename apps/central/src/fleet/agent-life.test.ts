import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCsr, serialOf } from "@tautline/pki";
import { type ErrorCode, TautlineError } from "@tautline/protocol";
import { renew } from "../enrolment/renew.ts";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  type Core,
  DAY_MS,
  GRACE_MS,
  joinNew,
  joinWith,
  makeJoiner,
  makeToken,
  mutualEvidence,
  withCore,
} from "../fixture-core.test.ts";
import { requiredAgent } from "./required-agent.ts";

const OPERATOR = "operator:local";

async function activeAgent(
  core: Core,
  options: { readonly name?: string; readonly namespace?: string } = {},
) {
  const joined = await joinNew(core, options);
  await core.agents.activate(joined.id);
  return joined;
}

const stateOf = async ({ agents }: Core, id: string): Promise<string> =>
  (await agents.page(id)).state;

async function suspect({ store }: Core, id: string): Promise<void> {
  const values = { clone_suspected_at: 1, clone_counter: "1", clone_pin: "aa" };
  await store.write((trx) => trx.updateTable("agents").set(values).where("id", "=", id).execute());
}

describe("quarantine and release", () => {
  it("keep certificates and record, end the links with a reason, and bring back what was", () =>
    withCore(async (core) => {
      const { id } = await activeAgent(core);
      const before = await core.agents.page(id);
      await core.life.quarantine(id, OPERATOR);
      await core.life.quarantine(id, OPERATOR);
      assert.equal(await stateOf(core, id), "quarantined");
      assert.deepEqual(core.ended[0], { id, code: "admission.agent_quarantined" });
      await refusalOf(core.agents.activate(id), "admission.agent_quarantined");
      await core.life.release(id, OPERATOR);
      await core.life.release(id, OPERATOR);
      assert.deepEqual(await core.agents.page(id), before);
      const [last, released, quarantined] = (await actionsOf(core)).toReversed();
      assert.deepEqual(
        [last, released, quarantined],
        ["agent.released", "agent.quarantined", "agent.active"],
      );
    }));

  it("of an agent that never spoke bring it back to its join", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      await core.life.quarantine(id, OPERATOR);
      await core.life.release(id, OPERATOR);
      assert.equal(await stateOf(core, id), "joining");
    }));

  it("stop renewal and join alike", () =>
    withCore(async (core) => {
      const token = await makeToken(core);
      const { id, client, server, request } = makeJoiner();
      const enrolled = await joinWith(core, token, request);
      await core.agents.activate(id);
      await core.life.quarantine(id, OPERATOR);
      const { store, authority, audit, clock } = core;
      const order = {
        agentId: id,
        counter: 1n,
        agentVersion: "1",
        callerSerial: serialOf(enrolled.clientCertificate),
        clientCsrPem: createCsr(client.privateKey, id),
        serverCsrPem: createCsr(server.privateKey, id),
      };
      const asked = renew({ store, authority, audit, now: clock.now }, order);
      await refusalOf(asked, "admission.agent_quarantined");
      await refusalOf(joinWith(core, token, request), "admission.agent_quarantined");
    }));

  it("F25: release ends the suspicion of a copy, quarantined or not", () =>
    withCore(async (core) => {
      const { id } = await activeAgent(core);
      for (const isQuarantined of [false, true]) {
        await suspect(core, id);
        if (isQuarantined) await core.life.quarantine(id, OPERATOR);
        assert.notEqual((await core.agents.page(id)).cloneSuspectedAt, null);
        await core.life.release(id, OPERATOR);
        const row = await core.store.write((trx) => requiredAgent(trx, id));
        assert.deepEqual(
          [row.clone_suspected_at, row.clone_counter, row.clone_pin, row.state],
          [null, null, null, "active"],
        );
      }
      const entries = await core.audit.list({ limit: 100 });
      const reasons = entries.flatMap(({ action, detail }) =>
        action === "agent.released" ? [detail?.["from"]] : [],
      );
      assert.deepEqual(reasons, ["suspicion of a copy", "quarantine and suspicion of a copy"]);
    }));
});

describe("deleting", () => {
  it("A3: leaves nothing by which the agent could come back: certificates, token, id and keys are dead, also under its name", () =>
    withCore(async (core) => {
      const token = await makeToken(core, { uses: 10 });
      const first = makeJoiner("web-1");
      await joinWith(core, token, first.request);
      await core.agents.activate(first.id);
      await core.agents.revoke(first.id, OPERATOR);
      await core.life.delete({ id: first.id, actor: OPERATOR, force: false });
      await refusalOf(core.agents.page(first.id), "api.not_found");
      const certificates = await core.store.read((db) =>
        db.selectFrom("certificates").selectAll().where("agent_id", "=", first.id).execute(),
      );
      assert.equal(certificates.length, 2);
      assert.ok(certificates.every(({ revoked_at }) => revoked_at !== null));
      await refusalOf(joinWith(core, token, first.request), "enrolment.agent_deleted");
      const heir = makeJoiner("web-1");
      const withOldKeys = {
        ...heir.request,
        clientCsrPem: createCsr(first.client.privateKey, heir.id),
        serverCsrPem: createCsr(first.server.privateKey, heir.id),
      };
      await refusalOf(joinWith(core, token, withOldKeys), "enrolment.key_taken");
      await joinWith(core, token, heir.request);
      const page = await core.agents.page(heir.id);
      assert.deepEqual(
        [page.name, page.attributes, page.settings.hash, page.renewal.number],
        ["web-1", {}, null, 0],
      );
    }));

  it("A3: a deleted candidate's keys, which were never certified, are dead too", () =>
    withCore(async (core) => {
      const token = await makeToken(core, { uses: 10, approve: true });
      const first = makeJoiner();
      await refusalOf(joinWith(core, token, first.request), "enrolment.approval_pending");
      const heir = makeJoiner();
      const withOldKeys = {
        ...heir.request,
        clientCsrPem: createCsr(first.client.privateKey, heir.id),
      };
      const open = await makeToken(core, { uses: 10 });
      await refusalOf(joinWith(core, open, withOldKeys), "enrolment.key_taken");
      await core.life.decline(first.id, OPERATOR);
      await core.life.delete({ id: first.id, actor: OPERATOR, force: false });
      await refusalOf(joinWith(core, open, withOldKeys), "enrolment.key_taken");
      await refusalOf(joinWith(core, open, first.request), "enrolment.agent_deleted");
    }));

  it("keeps the audit trail whole and takes instructions, links and their history with the agent", () =>
    withCore(async (core) => {
      const { id } = await activeAgent(core);
      const digest = Buffer.alloc(32);
      const order = { agentId: id, namespace: "default", kind: "settings", digest };
      await core.instructions.issue(order);
      const told = () => core.history.of([id], 0);
      core.history.recorder.refused(new TautlineError("opamp.not_your_id"), {
        remoteAddress: "192.0.2.4",
        evidence: mutualEvidence(`spiffe://default.fleet.test/agent/${id}`, ""),
      });
      await core.history.recorder.flush("everything");
      assert.equal((await told()).length, 1);
      await core.life.delete({ id, actor: OPERATOR, force: true });
      assert.deepEqual(await told(), []);
      const left = await core.store.read((db) =>
        db.selectFrom("instructions").select("seq").execute(),
      );
      assert.deepEqual(left, []);
      assert.deepEqual(core.ended, [{ id, code: "admission.agent_unknown" }]);
      assert.equal((await actionsOf(core)).at(-1), "agent.deleted");
      assert.equal((await core.trail.verify()).ok, true);
    }));

  const cases: readonly {
    readonly title: string;
    readonly make: (core: Core, id: string) => Promise<unknown> | void;
    readonly may: boolean;
  }[] = [
    { title: "an active agent", make: () => {}, may: false },
    { title: "a revoked one", make: ({ agents }, id) => agents.revoke(id, OPERATOR), may: true },
    {
      title: "a quarantined one",
      make: ({ life }, id) => life.quarantine(id, OPERATOR),
      may: false,
    },
    {
      title: "one whose certificate ended within the grace",
      make: ({ clock }) => void clock.advance(DAY_MS + GRACE_MS),
      may: false,
    },
    {
      title: "one whose certificate ended longer ago",
      make: ({ clock }) => void clock.advance(DAY_MS + GRACE_MS + 1),
      may: true,
    },
  ];
  for (const { title, make, may } of cases) {
    it(`${title} is ${may ? "done" : "asked about first"}`, () =>
      withCore(async (core) => {
        const { id } = await activeAgent(core);
        await make(core, id);
        const work = core.life.delete({ id, actor: OPERATOR, force: false });
        if (may) await work;
        else {
          await refusalOf(work, "fleet.delete_unconfirmed");
          await core.life.delete({ id, actor: OPERATOR, force: true });
        }
        await refusalOf(core.agents.page(id), "api.not_found");
      }));
  }
});

describe("replacing", () => {
  it("QMP-8: the new host takes the name, the old one is revoked, each keeps its own keys", () =>
    withCore(async (core) => {
      const old = await activeAgent(core, { name: "pump-7" });
      const fresh = await activeAgent(core, { name: "new-box" });
      const order = { old: old.id, fresh: fresh.id, actor: OPERATOR };
      await core.life.replace(order);
      await core.life.replace(order);
      const [was, is] = [await core.agents.page(old.id), await core.agents.page(fresh.id)];
      assert.deepEqual([was.state, was.replacedBy, was.name], ["revoked", fresh.id, "pump-7"]);
      assert.deepEqual([is.state, is.replaces, is.name], ["active", [old.id], "pump-7"]);
      assert.deepEqual(core.ended[0], { id: old.id, code: "admission.agent_revoked" });
      const revoked = await core.store.read((db) =>
        db
          .selectFrom("certificates")
          .select("agent_id")
          .where("revoked_at", "is not", null)
          .execute(),
      );
      assert.deepEqual(new Set(revoked.map(({ agent_id }) => agent_id)), new Set([old.id]));
      const replaced = (await actionsOf(core)).filter((action) => action === "agent.replaced");
      assert.equal(replaced.length, 1);
    }));

  const refusals: readonly {
    readonly title: string;
    readonly pair: (core: Core, old: string) => Promise<readonly [string, string]>;
    readonly code: ErrorCode;
  }[] = [
    {
      title: "itself",
      pair: async (_core, old) => [old, old],
      code: "fleet.cannot_replace",
    },
    {
      title: "by one of another namespace",
      pair: async (core, old) => {
        await core.namespaces.create("plant", OPERATOR);
        return [old, (await activeAgent(core, { namespace: "plant" })).id];
      },
      code: "fleet.cannot_replace",
    },
    {
      title: "by a revoked one",
      pair: async (core, old) => {
        const { id } = await activeAgent(core);
        await core.agents.revoke(id, OPERATOR);
        return [old, id];
      },
      code: "fleet.cannot_replace",
    },
    {
      title: "a second time, by a third",
      pair: async (core, old) => {
        await core.life.replace({ old, fresh: (await activeAgent(core)).id, actor: OPERATOR });
        return [old, (await activeAgent(core)).id];
      },
      code: "fleet.cannot_replace",
    },
    {
      title: "by nobody",
      pair: async (_core, old) => [old, makeJoiner().id],
      code: "api.not_found",
    },
    {
      title: "nobody",
      pair: async (core) => [makeJoiner().id, (await activeAgent(core)).id],
      code: "api.not_found",
    },
  ];
  for (const { title, pair, code } of refusals) {
    it(`${title} is refused (${code}), and changes nothing`, () =>
      withCore(async (core) => {
        const { id } = await activeAgent(core, { name: "pump-7" });
        const [old, fresh] = await pair(core, id);
        const before = await core.agents.list();
        await refusalOf(core.life.replace({ old, fresh, actor: OPERATOR }), code);
        assert.deepEqual(await core.agents.list(), before);
      }));
  }
});

describe("what is over", () => {
  it("an agent that leaves is revoked, by its own word, once", () =>
    withCore(async (core) => {
      const { id } = await activeAgent(core);
      await core.life.leave(id);
      await core.life.leave(id);
      assert.equal(await stateOf(core, id), "revoked");
      const [entry, ...others] = (await core.audit.list({ limit: 100 })).filter(
        ({ action }) => action === "agent.left",
      );
      assert.deepEqual(
        [entry?.actor, entry?.subject, others.length],
        [`agent:${id}`, `agent:${id}`, 0],
      );
    }));

  it("revoking ends a quarantine too: there is nothing left to release", () =>
    withCore(async (core) => {
      const { id } = await activeAgent(core);
      await core.life.quarantine(id, OPERATOR);
      await core.agents.revoke(id, OPERATOR);
      const { state, quarantinedAt } = await core.agents.page(id);
      assert.deepEqual([state, quarantinedAt], ["revoked", null]);
    }));

  it("a revoked agent can neither be quarantined, nor released, nor approved", () =>
    withCore(async (core) => {
      const { id } = await activeAgent(core);
      await core.agents.revoke(id, OPERATOR);
      await refusalOf(core.life.quarantine(id, OPERATOR), "fleet.not_possible");
      await refusalOf(core.life.release(id, OPERATOR), "fleet.not_possible");
      await refusalOf(core.life.approve(id, OPERATOR), "enrolment.not_waiting");
      assert.equal(await stateOf(core, id), "revoked");
    }));
});
