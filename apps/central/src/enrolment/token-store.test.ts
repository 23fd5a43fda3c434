import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeJoinToken } from "@tautline/protocol";
import { spkiPin } from "@tautline/pki";
import { refusalOf } from "../fixture-checks.test.ts";
import {
  actionsOf,
  HOUR_MS,
  joinNew,
  joinWith,
  makeJoiner,
  makeToken,
  TRUST_DOMAIN,
  withCore,
} from "../fixture-core.test.ts";
import { createTokenStore } from "./token-store.ts";

const order = { namespace: "default", uses: 2, ttlMs: HOUR_MS, createdBy: "operator:local" };

describe("TokenStore", () => {
  it("makes a token whose text says all a new host needs, and proves its secret", () =>
    withCore(async (core) => {
      const made = await core.tokens.create(order);
      assert.equal(made.expiresAtMs, core.clock.now() + HOUR_MS);
      const parts = decodeJoinToken(made.token);
      assert.equal(parts.tokenId, made.id);
      assert.deepEqual([parts.namespace, parts.trustDomain], ["default", TRUST_DOMAIN]);
      assert.deepEqual(
        parts.pins.map((pin) => Buffer.from(pin)),
        [spkiPin(core.authority.root)],
      );
      const row = await core.tokens.prove(parts.tokenId, parts.secret);
      assert.equal(row.id, made.id);
    }));

  it("lists tokens without anything secret, by their state", () =>
    withCore(async (core) => {
      const used = await makeToken(core);
      await joinWith(core, used, makeJoiner().request);
      const revoked = await makeToken(core);
      await core.tokens.revoke(revoked.tokenId, "operator:local");
      await makeToken(core, { ttlMs: 1_000 });
      core.clock.advance(1_000);
      await makeToken(core, { uses: 5 });
      const rows = await core.tokens.list();
      assert.deepEqual(
        rows.map(({ state, uses, usesMade }) => `${state} ${usesMade}/${uses}`).toSorted(),
        ["expired 0/1", "open 0/5", "revoked 0/1", "used up 1/1"],
      );
      assert.deepEqual(Object.keys(rows[0] ?? {}).toSorted(), [
        "approve",
        "createdAt",
        "createdBy",
        "expiresAt",
        "id",
        "namespace",
        "state",
        "uses",
        "usesMade",
      ]);
    }));

  it("refuses a namespace that is not there before anything is made", () =>
    withCore(async (core) => {
      const before = await actionsOf(core);
      const refusal = await refusalOf(core.tokens.create({ ...order, namespace: "plant" }));
      assert.equal(refusal.code, "api.not_found");
      assert.match(refusal.message, /namespace 'plant'/);
      assert.deepEqual(await core.tokens.list(), []);
      assert.deepEqual(await actionsOf(core), before);
    }));

  it("keeps no token whose text could not be written", () =>
    withCore(async (core) => {
      const failure = new Error("too many addresses");
      const { store, vault, audit, clock } = core;
      const tokens = createTokenStore({
        store,
        vault,
        audit,
        now: clock.now,
        formatToken: () => {
          throw failure;
        },
      });
      await assert.rejects(tokens.create(order), failure);
      assert.deepEqual(await tokens.list(), []);
    }));

  it("revokes once, audited once, and knows what it never made", () =>
    withCore(async (core) => {
      const { tokenId } = await makeToken(core);
      const skip = (await actionsOf(core)).length;
      await core.tokens.revoke(tokenId, "operator:local");
      await core.tokens.revoke(tokenId, "operator:local");
      assert.deepEqual(await actionsOf(core, skip), ["token.revoked"]);
      await refusalOf(core.tokens.revoke("nowhere", "operator:local"), "api.not_found");
    }));

  it("F12: refuses a token whose sealed hash was put into another's row", () =>
    withCore(async (core) => {
      const one = await makeToken(core);
      const other = await makeToken(core);
      await core.store.write(async (trx) => {
        const row = await trx
          .selectFrom("tokens")
          .select("sealed_secret_hash")
          .where("id", "=", one.tokenId)
          .executeTakeFirstOrThrow();
        await trx.updateTable("tokens").set(row).where("id", "=", other.tokenId).execute();
      });
      await refusalOf(core.tokens.prove(other.tokenId, one.secret), "vault.field_damaged");
    }));

  it("gives no two tokens the same id or secret", () =>
    withCore(async (core) => {
      const made = await Promise.all(Array.from({ length: 20 }, () => makeToken(core)));
      assert.equal(new Set(made.map((token) => token.tokenId)).size, 20);
      assert.equal(
        new Set(made.map((token) => Buffer.from(token.secret).toString("hex"))).size,
        20,
      );
    }));
});

describe("AgentStore.revoke", () => {
  it("revokes the agent and all its certificates at once, audited, once", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      const skip = (await actionsOf(core)).length;
      await core.agents.revoke(id, "operator:local");
      await core.agents.revoke(id, "operator:local");
      assert.deepEqual(await actionsOf(core, skip), ["agent.revoked"]);
      const rows = await core.store.read((db) =>
        db.selectFrom("certificates").select("revoked_at").where("agent_id", "=", id).execute(),
      );
      assert.deepEqual(
        rows.map((row) => row.revoked_at),
        [core.clock.now(), core.clock.now()],
      );
      assert.equal((await core.agents.page(id)).certificateExpiresAt, null);
      await refusalOf(core.agents.revoke(makeJoiner().id, "x"), "api.not_found");
      await refusalOf(core.agents.activate(id), "admission.agent_revoked");
      await refusalOf(core.agents.activate(makeJoiner().id), "admission.agent_unknown");
    }));
});
