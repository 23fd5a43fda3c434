import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { countRows, linkOf, provenEvidence, usedBy, withHistory } from "./fixture-history.test.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { DAY_MS } from "./span.ts";

const MOST_COARSE = 2;

describe("rows of the history", () => {
  it("a steady agent is one row after 90 days, and one that alternates two", () =>
    withHistory(async ({ history, clock, store, ids: [steady, flapping] }) => {
      const { recorder } = history;
      for (let day = 0; day < 90; day += 1) {
        recorder.opened(linkOf(steady));
        const evidence = { ...provenEvidence(flapping), group: day % 2 === 0 ? "X25519" : null };
        recorder.opened(linkOf(flapping, { evidence }));
        recorder.opened(linkOf(flapping));
        await recorder.flush();
        clock.advance(DAY_MS);
      }
      const [one, ...others] = await usedBy(history, steady);
      assert.deepEqual([one?.links, one?.days, others], [90, 90, []]);
      const both = await usedBy(history, flapping);
      assert.deepEqual(
        both.map(({ profile, links, days }) => [profile.group, links, days]),
        [
          ["X25519MLKEM768", 90, 90],
          ["X25519", 45, 45],
          [null, 45, 45],
        ],
      );
      assert.ok((await countRows(store)) < 40);
    }));

  it("10,000 addresses of one agent are one row with the last of them", () =>
    withHistory(async ({ history, clock, store, ids: [id] }) => {
      for (let at = 0; at < 10_000; at += 1) {
        clock.advance(1);
        history.recorder.opened(linkOf(id, { remoteAddress: `10.0.${at >> 8}.${at & 255}` }));
        if (at % 1_000 === 0) await history.recorder.flush();
      }
      await history.recorder.flush();
      const [used] = await usedBy(history, id);
      assert.deepEqual([used?.links, used?.address], [10_000, "10.0.39.15"]);
      assert.equal(await countRows(store), 1);
    }));

  it("A27, A19: hostile names of components are printable, and bounded in length and in number", () =>
    withHistory(async ({ history, store, ids: [id, other] }) => {
      const { recorder } = history;
      const most = HISTORY_LIMITS.keysPerAgent;
      const open = (component: string, agent = id): void =>
        recorder.opened(linkOf(agent, { component }));
      for (let at = 0; at < most - 1; at += 1) open(`c${at}\u001b[2J\n${"x".repeat(5_000)}`);
      await recorder.flush();
      open("__proto__");
      await recorder.flush();
      assert.equal(await countRows(store), most);
      for (let at = 0; at < 100; at += 1) open(`more${at}`);
      open("__proto__", other);
      await recorder.flush();
      const used = await usedBy(history, id);
      assert.equal(used.length, most + 1);
      for (const { component } of used) {
        assert.ok(Array.from(component).length <= HISTORY_LIMITS.componentCharacters);
        assert.doesNotMatch(component, /\p{Cc}/u);
      }
      const coarse = used.find(({ component }) => component === "other");
      assert.deepEqual(
        [coarse?.links, coarse?.profile.level, coarse?.profile.clientProven],
        [100, "mtls", false],
      );
      assert.equal((await usedBy(history, other))[0]?.component, "__proto__");
    }));

  it("an agent that shows more than is kept apart still cannot hide its level, nor that it was refused", () =>
    withHistory(async ({ history, store, ids: [id] }) => {
      const { recorder } = history;
      const proven = provenEvidence(id);
      for (let at = 0; at < 1_000; at += 1) {
        recorder.opened(linkOf(id, { evidence: { ...proven, cipher: `c${at}` } }));
      }
      await recorder.flush();
      recorder.opened(linkOf(id, { evidence: { ...proven, level: "plaintext" } }));
      const evidence = { ...proven, cipher: "never seen" };
      recorder.refused(new TautlineError("opamp.not_your_id"), { remoteAddress: "::1", evidence });
      await recorder.flush();
      const used = await usedBy(history, id);
      assert.ok(used.some(({ profile, code }) => profile.level === "plaintext" && code === ""));
      assert.ok(used.some(({ code }) => code === "other"));
      assert.ok((await countRows(store)) <= HISTORY_LIMITS.keysPerAgent + 1 + MOST_COARSE);
      assert.equal(
        used.reduce((sum, { links }) => sum + links, 0),
        1_002,
      );
    }));

  it("A3: what was kept of an agent goes with it, and nothing of it comes back", () =>
    withHistory(async ({ history, store, ids: [id, other] }) => {
      const { recorder } = history;
      recorder.opened(linkOf(id));
      recorder.opened(linkOf(other));
      await recorder.flush();
      recorder.opened(linkOf(id));
      await store.write(async (trx) => {
        await history.forget(trx, id);
        await trx.deleteFrom("agents").where("id", "=", id).execute();
      });
      await recorder.flush();
      assert.deepEqual(await usedBy(history, id), []);
      assert.equal((await usedBy(history, other)).length, 1);
    }));
});

describe("carryOver", () => {
  it("gives all of one agent's history to another: sums add up, first and last are those of both", () =>
    withHistory(async ({ history, clock, store, ids: [old, young] }) => {
      const { recorder } = history;
      const firstMs = clock.now();
      const plain = { ...provenEvidence(old), level: "plaintext" as const };
      recorder.opened(linkOf(old));
      recorder.opened(linkOf(old, { evidence: plain }));
      await recorder.flush();
      const lastMs = clock.advance(DAY_MS);
      recorder.opened(linkOf(young));
      await recorder.flush();
      await store.write((trx) => history.carryOver(trx, old, young));
      assert.deepEqual(await usedBy(history, old), []);
      const used = await usedBy(history, young);
      assert.deepEqual(
        used.map(({ profile, links, days, ...at }) => [
          profile.level,
          links,
          days,
          at.firstMs,
          at.lastMs,
        ]),
        [
          ["mtls", 2, 2, firstMs, lastMs],
          ["plaintext", 1, 1, firstMs, firstMs],
        ],
      );
    }));

  it("is all or nothing with the transaction it is in, and nothing for the same agent or one never seen", () =>
    withHistory(async ({ history, store, ids: [old, young, never] }) => {
      history.recorder.opened(linkOf(old));
      await history.recorder.flush();
      const failing = store.write(async (trx) => {
        await history.carryOver(trx, old, young);
        throw new Error("not after all");
      });
      await assert.rejects(failing, /not after all/);
      await store.write(async (trx) => {
        await history.carryOver(trx, old, old);
        await history.carryOver(trx, never, young);
      });
      assert.equal((await usedBy(history, old)).length, 1);
      assert.deepEqual(await usedBy(history, young), []);
    }));
});

describe("the daily fold", () => {
  it("folds old gaps slice by slice, once a day, and changes no sum", () =>
    withHistory(
      async ({ history, clock, store, fleet }) => {
        const { recorder } = history;
        for (let day = 0; day < 13; day += 2) {
          for (const { id } of fleet) recorder.opened(linkOf(id));
          await recorder.flush("everything");
          clock.advance(2 * DAY_MS);
        }
        assert.equal(await countRows(store), fleet.length * 7);
        const before = await Promise.all(fleet.map(({ id }) => usedBy(history, id)));
        let steps = 0;
        while (await history.fold.step()) steps += 1;
        assert.equal(await history.fold.step(), false);
        assert.equal(await countRows(store), fleet.length * 7);
        clock.advance(40 * DAY_MS);
        while (await history.fold.step()) steps += 1;
        assert.ok(steps > 2, "one slice was the whole fleet");
        assert.equal(await countRows(store), fleet.length);
        const after = await Promise.all(fleet.map(({ id }) => usedBy(history, id)));
        assert.deepEqual(after, before);
      },
      { agents: 150 },
    ));

  it("F8: a clock that was far ahead while it folded has lost nothing", () =>
    withHistory(async ({ history, clock, ids: [id] }) => {
      history.recorder.opened(linkOf(id));
      await history.recorder.flush();
      const before = await usedBy(history, id);
      clock.advance(4_000 * DAY_MS);
      while (await history.fold.step());
      clock.advance(-4_000 * DAY_MS);
      while (await history.fold.step());
      assert.deepEqual(await usedBy(history, id), before);
    }));

  it("F11: tries the same slice again when the database refused", () =>
    withHistory(async ({ history, clock, store, ids: [id] }) => {
      for (const days of [2, 40]) {
        history.recorder.opened(linkOf(id));
        await history.recorder.flush();
        clock.advance(days * DAY_MS);
      }
      assert.equal(await countRows(store), 2);
      const rename = (from: string, to: string): Promise<unknown> =>
        store.write((trx) => trx.schema.alterTable(from).renameTo(to).execute());
      await rename("history_spans", "history_broken");
      await assert.rejects(history.fold.step());
      await rename("history_broken", "history_spans");
      while (await history.fold.step());
      assert.equal(await countRows(store), 1);
    }));
});
