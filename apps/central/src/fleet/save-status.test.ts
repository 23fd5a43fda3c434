import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { type Core, joinNew, withCore } from "../fixture-core.test.ts";
import { saveStatus, type StatusChange } from "./save-status.ts";

/** Rows that statements of this connection have changed so far. */
const changesOf = async ({ store }: Core): Promise<number> => {
  const { rows } = await store.read((db) =>
    sql<{ n: number }>`select total_changes() as n`.execute(db),
  );
  return rows[0]?.n ?? Number.NaN;
};

const applied = { hash: "ab", status: "applied", error: "" } as const;

const changes: { name: string; first: StatusChange; next: StatusChange; writes: number }[] = [
  { name: "nothing at all", first: {}, next: {}, writes: 0 },
  {
    name: "the same attributes",
    first: { attributes: { a: "1", b: "2" } },
    next: { attributes: { a: "1", b: "2" } },
    writes: 0,
  },
  {
    name: "one attribute more",
    first: { attributes: { a: "1" } },
    next: { attributes: { a: "1", b: "2" } },
    writes: 1,
  },
  {
    name: "the same full status",
    first: { version: "1", attributes: { a: "1" }, health: { healthy: true }, config: applied },
    next: { version: "1", attributes: { a: "1" }, health: { healthy: true }, config: applied },
    writes: 0,
  },
  {
    name: "another health in the same full status",
    first: { version: "1", attributes: { a: "1" }, health: { healthy: true } },
    next: { version: "1", attributes: { a: "1" }, health: { healthy: false } },
    writes: 1,
  },
  {
    name: "a hash in place of none",
    first: { config: { ...applied, hash: null } },
    next: { config: applied },
    writes: 1,
  },
  {
    name: "no hash in place of one",
    first: { config: applied },
    next: { config: { ...applied, hash: null } },
    writes: 1,
  },
  {
    name: "no hash again",
    first: { config: { ...applied, hash: null } },
    next: { config: { ...applied, hash: null } },
    writes: 0,
  },
  {
    name: "text that is SQL",
    first: { version: "1" },
    next: { version: `' or 1=1 --`, attributes: { '"': "'; drop table agents; --" } },
    writes: 1,
  },
];

describe("saveStatus", () => {
  for (const { name, first, next, writes } of changes) {
    it(`changes ${writes === 0 ? "no row" : "its agent's row alone"} for ${name}`, () =>
      withCore(async (core) => {
        const { id } = await joinNew(core);
        const other = await joinNew(core, { name: "other" });
        const untouched = await core.agents.page(other.id);
        await saveStatus(core.store, id, first);
        const before = await changesOf(core);
        await saveStatus(core.store, id, next);
        assert.equal((await changesOf(core)) - before, writes);
        const page = await core.agents.page(id);
        const told = { ...first, ...next };
        if (told.attributes !== undefined) assert.deepEqual(page.attributes, told.attributes);
        if (told.version !== undefined) assert.equal(page.version, told.version);
        if (told.health !== undefined) assert.deepEqual(page.health, told.health);
        if (told.config !== undefined) assert.deepEqual(page.settings, told.config);
        assert.deepEqual(await core.agents.page(other.id), untouched);
      }));
  }
});
