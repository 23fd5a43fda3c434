import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OPEN_POLICY } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { joinNew } from "../fixture-core.test.ts";
import { ORDER, withWorld, type World } from "./fixture-world.test.ts";

/** An agent that has joined and was never linked since. */
async function unseen({ core }: World): Promise<string> {
  const { id } = await joinNew(core, { namespace: "default" });
  await core.agents.activate(id);
  return id;
}

describe("QMP-1: agents of whom nobody knows what becomes of them", () => {
  it("are named and hold a change up, which then has changed nothing", () =>
    withWorld(async (world) => {
      await world.agent("mtls");
      const id = await unseen(world);
      const error = await refusalOf(world.changes.apply(ORDER));
      assert.equal(error.code, "policy.agents_unknown");
      assert.match(error.message, new RegExp(`to 1 agent: ${id} \\(`));
      assert.match(error.remedy, /--allow-unknown/);
      assert.deepEqual(await world.changes.list(9), []);
      assert.equal(world.policies.book.policyOf("default", "control"), OPEN_POLICY);
    }));

  it("may be cut off where each is named, or all are allowed, and that is in the trail", () =>
    withWorld(async (world) => {
      const [one, two] = [await unseen(world), await unseen(world)];
      const named = await refusalOf(world.changes.apply({ ...ORDER, allowCutOff: [one] }));
      assert.match(named.message, new RegExp(`to 1 agent: ${two} \\(`));
      await world.changes.apply({ ...ORDER, allowCutOff: [one, two] });
      assert.equal((await world.end()).step, "done");
      await world.changes.apply({ ...ORDER, allowUnknown: true });
      assert.equal((await world.end()).step, "done");
      const entries = await world.core.store.read((db) =>
        db
          .selectFrom("audit")
          .select("body")
          .where("body", "like", "%policy.change-begun%")
          .orderBy("seq")
          .execute(),
      );
      assert.match(String(entries.at(-1)?.body), /"allowedUnknown":2/);
    }));

  it("are named after those who would be cut off for sure", () =>
    withWorld(async (world) => {
      await unseen(world);
      await world.claim("plaintext");
      const error = await refusalOf(world.changes.apply({ ...ORDER, allowUnknown: true }));
      assert.equal(error.code, "policy.would_cut_off");
    }));

  it("are none where central keeps them out anyway", () =>
    withWorld(async (world) => {
      const id = await unseen(world);
      await world.core.store.write((trx) =>
        trx.updateTable("agents").set({ state: "quarantined" }).where("id", "=", id).execute(),
      );
      await world.changes.apply(ORDER);
      assert.equal((await world.end()).step, "done");
    }));
});
