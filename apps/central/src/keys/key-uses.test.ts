import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Core, withCore } from "../fixture-core.test.ts";
import { ACTOR, startProcess, useBy } from "./fixture-keys.test.ts";
import { createKeyUses } from "./key-uses.ts";

const KEY = { name: "site-3", version: 1 };

async function uses({ store }: Core): Promise<string[]> {
  const rows = await store.read((db) =>
    db.selectFrom("key_uses").selectAll().orderBy("agent_id").execute(),
  );
  return rows.map((row) => `${row.agent_id} ${row.version} ${row.level}`);
}

function withKey(use: (core: Core) => Promise<void>): Promise<void> {
  return withCore(async (core) => {
    const order = { name: "site-3", namespace: "default", value: "x", actor: ACTOR };
    await (await startProcess(core)).keys.create(order);
    await use(core);
  });
}

describe("the uses of keys", () => {
  it("are on the disk after a flush, the last of each agent", () =>
    withKey(async (core) => {
      const notes = createKeyUses({ ...core, now: core.clock.now });
      notes.note(KEY, useBy("a"));
      notes.note({ ...KEY, version: 2 }, useBy("a", { level: "advanced" }));
      notes.note(KEY, useBy("b"));
      assert.deepEqual(await uses(core), []);
      await notes.flush();
      assert.deepEqual(await uses(core), ["a 2 advanced", "b 1 basic"]);
      core.clock.advance(1);
      notes.note(KEY, useBy("a"));
      await notes.flush();
      await notes.flush();
      assert.deepEqual(await uses(core), ["a 1 basic", "b 1 basic"]);
    }));

  it("are remembered of so many agents of a key, the latest", () =>
    withKey(async (core) => {
      const notes = createKeyUses({ ...core, now: core.clock.now, agentsOfKey: 2 });
      for (const agent of ["a", "b", "c"]) {
        notes.note(KEY, useBy(agent));
        core.clock.advance(1);
      }
      await notes.flush();
      assert.deepEqual(await uses(core), ["b 1 basic", "c 1 basic"]);
    }));

  it("wait in bounded number, and by thousands go in several transactions", () =>
    withKey(async (core) => {
      const few = createKeyUses({ ...core, now: core.clock.now, waiting: 1 });
      few.note(KEY, useBy("a"));
      few.note(KEY, useBy("b"));
      few.note(KEY, useBy("a", { level: "advanced" }));
      await few.flush();
      assert.deepEqual(await uses(core), ["a 1 advanced"]);
      const many = createKeyUses({ ...core, now: core.clock.now });
      for (let at = 0; at < 600; at += 1) many.note(KEY, useBy(`m${at}`));
      await many.flush();
      assert.equal((await uses(core)).length, 601);
    }));

  it("of a key that is gone are dropped without harm to the others", () =>
    withKey(async (core) => {
      const notes = createKeyUses({ ...core, now: core.clock.now });
      notes.note({ name: "gone", version: 1 }, useBy("a"));
      notes.note(KEY, useBy("b"));
      await notes.flush();
      assert.deepEqual(await uses(core), ["b 1 basic"]);
    }));

  it("wait on where the database refuses them, behind what came meanwhile", () =>
    withKey(async (core) => {
      let isFull = true;
      const write: Core["store"]["write"] = (work) =>
        isFull ? Promise.reject(new Error("disk full")) : core.store.write(work);
      const notes = createKeyUses({ store: { ...core.store, write }, now: core.clock.now });
      notes.note(KEY, useBy("a"));
      notes.note(KEY, useBy("b"));
      const failed = notes.flush();
      notes.note({ ...KEY, version: 2 }, useBy("a"));
      await assert.rejects(failed, /disk full/);
      isFull = false;
      await notes.flush();
      assert.deepEqual(await uses(core), ["a 2 basic", "b 1 basic"]);
    }));
});
