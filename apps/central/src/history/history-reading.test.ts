import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EvidenceHistory } from "./evidence-history.ts";
import { linkOf, provenEvidence, usedBy, withHistory } from "./fixture-history.test.ts";
import type { HistoryFilter } from "./history-list.ts";
import type { AgentHistory } from "./history-reading.ts";
import { DAY_MS } from "./span.ts";

async function scan(history: EvidenceHistory, sinceMs: number): Promise<AgentHistory[]> {
  const all: AgentHistory[] = [];
  for await (const page of history.since(sinceMs)) all.push(...page);
  return all;
}

describe("EvidenceHistory.since", () => {
  it("goes through the whole fleet in the order of ids, each agent once and whole, over many pages", () =>
    withHistory(
      async ({ history, fleet }) => {
        for (const { id } of fleet) {
          for (const component of ["agent", "worker", "printer"]) {
            history.recorder.opened(linkOf(id, { component }));
          }
        }
        await history.recorder.flush("everything");
        const all = await scan(history, 0);
        assert.deepEqual(
          all.map(({ agentId }) => agentId),
          fleet.map(({ id }) => id).toSorted(),
        );
        for (const { used } of all) assert.equal(used.length, 3);
      },
      { agents: 1_500 },
    ));

  it("an agent whose rows fill a page alone is told whole, and so is the next", () =>
    withHistory(
      async ({ history, clock, ids: [first, second, third] }) => {
        for (const id of [first, third]) history.recorder.opened(linkOf(id));
        await history.recorder.flush();
        for (let day = 0; day < 2_100; day += 1) {
          history.recorder.opened(linkOf(second));
          clock.advance(2 * DAY_MS);
        }
        await history.recorder.flush("everything");
        const all = await scan(history, 0);
        assert.deepEqual(
          all.map(({ agentId, used }) => [agentId, used[0]?.links, used[0]?.days]),
          [
            [first, 1, 1],
            [second, 2_100, 2_100],
            [third, 1, 1],
          ],
        );
      },
      { rule: { dailyDays: 9_999, weeklyDays: 9_999, days: 9_999 } },
    ));

  it("leaves out who was not seen in the period, and counts no days before it", () =>
    withHistory(async ({ history, clock, ids: [steady, gone] }) => {
      history.recorder.opened(linkOf(gone));
      for (let day = 0; day < 20; day += 1) {
        history.recorder.opened(linkOf(steady));
        await history.recorder.flush();
        clock.advance(DAY_MS);
      }
      const sinceMs = clock.now() - 5 * DAY_MS;
      const [one, ...others] = await scan(history, sinceMs);
      assert.deepEqual([one?.agentId, one?.used[0]?.days, others], [steady, 5, []]);
      assert.deepEqual(await history.of([gone], sinceMs), []);
      assert.deepEqual(await history.of([], 0), []);
      assert.equal((await usedBy(history, gone)).length, 1);
    }));

  it("tells runs of one place with a gap between them as one, and the period by its last sighting", () =>
    withHistory(async ({ history, clock, ids: [id] }) => {
      const firstMs = clock.now();
      for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) {
        history.recorder.opened(linkOf(id, { remoteAddress: address }));
        await history.recorder.flush();
        clock.advance(3 * DAY_MS);
      }
      const [all] = await usedBy(history, id);
      assert.deepEqual(
        [all?.links, all?.days, all?.firstMs, all?.address],
        [3, 3, firstMs, "192.0.2.3"],
      );
      const [recent] = await usedBy(history, id, clock.now() - 7 * DAY_MS);
      assert.deepEqual([recent?.links, recent?.firstMs], [2, firstMs + 3 * DAY_MS]);
    }));
});

const list = async (history: EvidenceHistory, filter: Partial<HistoryFilter>) =>
  (await history.list({ limit: 10_000, ...filter })).map(({ agent, kind, level }) => [
    agent,
    kind,
    level,
  ]);

describe("EvidenceHistory.list", () => {
  it("filters by agent, kind, level, namespace and period", () =>
    withHistory(async ({ history, clock, store, ids: [one, two] }) => {
      const plain = { ...provenEvidence(one), level: "plaintext" as const };
      history.recorder.opened(linkOf(one, { evidence: plain, kind: "receiver" }));
      await history.recorder.flush();
      const sinceMs = clock.advance(DAY_MS);
      for (const id of [one, two]) history.recorder.opened(linkOf(id));
      await history.recorder.flush();
      await store.write(async (trx) => {
        await trx.insertInto("namespaces").values({ name: "lab", created_at: 0 }).execute();
        await trx.updateTable("agents").set({ namespace: "lab" }).where("id", "=", two).execute();
      });
      const plaintext = [one, "receiver", "plaintext"];
      const [mine, theirs] = [
        [one, "control", "mtls"],
        [two, "control", "mtls"],
      ];
      assert.deepEqual(await list(history, {}), [mine, plaintext, theirs]);
      assert.deepEqual(await list(history, { agent: one }), [mine, plaintext]);
      assert.deepEqual(await list(history, { kind: "receiver" }), [plaintext]);
      assert.deepEqual(await list(history, { level: "plaintext" }), [plaintext]);
      assert.deepEqual(await list(history, { namespace: "lab" }), [theirs]);
      assert.deepEqual(await list(history, { sinceMs }), [mine, theirs]);
    }));

  it("stops after an agent that is whole, and goes on after it without a gap", () =>
    withHistory(
      async ({ history, fleet }) => {
        for (const { id } of fleet) {
          for (const component of ["agent", "worker"]) {
            history.recorder.opened(linkOf(id, { component }));
          }
        }
        await history.recorder.flush("everything");
        const seen: string[] = [];
        for (let after = ""; ; after = seen.at(-1) ?? "") {
          const page = await history.list({ limit: 99, after });
          seen.push(...page.map(({ agent }) => agent));
          if (page.length < 99) break;
          assert.equal(page.length, 100);
        }
        const ids = fleet.map(({ id }) => id).toSorted();
        assert.deepEqual(
          seen,
          ids.flatMap((id) => [id, id]),
        );
      },
      { agents: 600 },
    ));
});
