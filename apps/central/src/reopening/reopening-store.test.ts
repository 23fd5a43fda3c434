import assert from "node:assert/strict";
import { test } from "node:test";
import { actionsOf, type Core, joinNew, withCore } from "../fixture-core.test.ts";
import { parseSourceRange } from "../sources/source-range.ts";
import { REOPENING_LIMITS } from "./reopening.ts";
import { createReopeningStore, type ReopeningStore } from "./reopening-store.ts";
import { createReopenings } from "./reopenings.ts";

const SITE = [parseSourceRange("192.0.2.0/24")];
const ORDER = { ranges: SITE, forMs: 60_000, actor: "operator:ana" };
const CALLER = "192.0.2.7";

const storeOf = ({ store, audit, clock }: Core): ReopeningStore =>
  createReopeningStore({ store, audit, now: clock.now });

test("one more than are kept drops the oldest that has ended, and none that is open", () =>
  withCore(async (core) => {
    const kept = storeOf(core);
    const { id: open } = await kept.begin(ORDER);
    await kept.noteTold({ agentId: "a", address: CALLER, ids: [open] });
    for (let count = 0; count < REOPENING_LIMITS.kept; count += 1) {
      const { id } = await kept.begin(ORDER);
      await kept.end(id, "operator:ana");
    }
    await kept.begin(ORDER);
    const left = (await kept.list(1_000)).map(({ id }) => id);
    // The newest that is open, those that have ended before it, and the oldest, which still holds.
    assert.deepEqual([left.length, left.at(-1), left.includes(2)], [101, open, false]);
    assert.equal((await kept.counts([open])).get(open), 1);
  }));

test("what is told to a claim is noted of no agent that has an identity", () =>
  withCore(async (core) => {
    const kept = storeOf(core);
    const { id } = await kept.begin(ORDER);
    const joined = await joinNew(core);
    await kept.noteTold({ agentId: joined.id, address: CALLER, ids: [id] });
    const page = await core.agents.page(joined.id);
    assert.deepEqual([page.level, page.promotion.toldAt], [null, null]);
  }));

test("who calls again within a minute is written down once; another process sees what one has begun and ended", () =>
  withCore(async (core) => {
    const { store, audit, clock } = core;
    const [here, there] = [0, 1].map(() => createReopenings({ store, audit, now: clock.now }));
    assert.ok(here !== undefined && there !== undefined);
    const { id } = await here.kept.begin(ORDER);
    assert.equal(there.covers(CALLER), false);
    await Promise.all([here.look(), there.look()]);
    assert.deepEqual(
      [there.isOpen(), there.covers(CALLER), there.covers("192.0.3.7")],
      [true, true, false],
    );
    const before = await actionsOf(core);
    for (let calls = 0; calls < 3; calls += 1) await there.noteTold("agent", CALLER);
    assert.equal((await actionsOf(core)).length, before.length + 1);
    assert.equal((await there.kept.toldBy(id, 10))[0]?.toldMs, clock.now());
    await there.kept.end(id, "operator:ben");
    assert.equal(here.covers(CALLER), true, "until it looks");
    await here.look();
    assert.deepEqual([here.isOpen(), here.covers(CALLER)], [false, false]);
  }));

test("F8: a clock that is set back before it began ends it, and so for good", () =>
  withCore(async (core) => {
    const { store, audit, clock } = core;
    const here = createReopenings({ store, audit, now: clock.now });
    const { id } = await here.kept.begin(ORDER);
    await here.look();
    clock.advance(-1);
    assert.equal(here.covers(CALLER), false);
    await here.look();
    assert.equal((await here.kept.get(id)).endedBy, "central");
    clock.advance(1);
    await here.look();
    assert.equal(here.covers(CALLER), false);
  }));
