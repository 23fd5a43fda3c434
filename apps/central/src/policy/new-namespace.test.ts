import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OPEN_POLICY } from "@tautline/protocol";
import { MTLS } from "./fixture-change.test.ts";
import { ORDER, withWorld, type World } from "./fixture-world.test.ts";

const ACTOR = "operator:ana";

async function make(world: World, name: string): Promise<void> {
  await world.core.namespaces.create(name, ACTOR);
  await world.policies.book.look();
}

describe("QM-11: a namespace that is made after a policy", () => {
  it("has what stands in default, so that no closed level is opened again for it", () =>
    withWorld(async (world) => {
      await world.changes.apply(ORDER);
      await world.end();
      const { book } = world.policies;
      const needed = book.neededLevels();
      await make(world, "lab");
      for (const kind of ["control", "forward"] as const)
        assert.deepEqual(book.policyOf("lab", kind), MTLS);
      assert.deepEqual(book.neededLevels(), needed);
      const { changedBy } = book.policies().find(({ namespace }) => namespace === "lab") ?? {};
      assert.equal(changedBy, ACTOR);
    }));

  it("has none where default has none, whatever was set elsewhere", () =>
    withWorld(async (world) => {
      await make(world, "lab");
      await world.changes.apply({ ...ORDER, namespace: "lab" });
      await world.end();
      await make(world, "plant");
      assert.equal(world.policies.book.policyOf("plant", "control"), OPEN_POLICY);
    }));

  it("keeps what it was made with when default changes later", () =>
    withWorld(async (world) => {
      await world.changes.apply(ORDER);
      await world.end();
      await make(world, "lab");
      await world.changes.undo({ namespace: "default", actor: ACTOR });
      await world.end();
      const { book } = world.policies;
      assert.equal(book.policyOf("default", "control"), OPEN_POLICY);
      assert.deepEqual(book.policyOf("lab", "control"), MTLS);
    }));

  it("is one of those of a change of all that is under way, and of its undo", () =>
    withWorld(async (world) => {
      const one = await world.agent("plaintext");
      await world.changes.apply({ ...ORDER, namespace: undefined });
      await world.pass(1_000);
      assert.equal((await world.change()).step, "moving");
      await make(world, "lab");
      const { book } = world.policies;
      assert.equal(book.policyOf("lab", "control"), OPEN_POLICY);
      await world.climb(one);
      await world.pass(1_000);
      assert.equal((await world.change()).step, "watching");
      assert.deepEqual(book.policyOf("lab", "control"), MTLS);
      assert.equal((await world.change()).places.length, 4);
      await world.changes.undo({ namespace: undefined, actor: ACTOR });
      await world.end();
      assert.equal(book.policyOf("lab", "control"), OPEN_POLICY);
    }));
});
