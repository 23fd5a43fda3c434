import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { OrderStatus } from "./change-deps.ts";
import { LEAST_AT_ONCE, MOST_TRIES, nextWave, type Told, type WaveFacts } from "./wave-rule.ts";

const WINDOW_MS = 120_000;
const NOW_MS = 50_000;

const one = (id: string, isWatched = true): WaveFacts["climbing"][number] => ({
  id,
  moveTo: "mtls",
  isWatched,
});

const many = (count: number): WaveFacts["climbing"] =>
  Array.from({ length: count }, (_, at) => one(`agent-${at}`));

const facts = (change: Partial<WaveFacts>): WaveFacts => ({
  climbing: [one("a")],
  statuses: new Map(),
  told: new Map(),
  spentMs: NOW_MS,
  windowMs: WINDOW_MS,
  turnMs: 1_000,
  ...change,
});

const stands = (status: OrderStatus["status"], level: OrderStatus["level"] = "mtls") =>
  new Map([["a", { level, status, error: "" }]]);
const told = (tries: number, atMs: number): ReadonlyMap<string, Told> =>
  new Map([["a", { tries, atMs }]]);

describe("who is told to climb at a turn of a change", () => {
  const cases: readonly [
    string,
    Partial<WaveFacts>,
    tell: number,
    moving: number,
    isLast: boolean,
  ][] = [
    ["nobody has told it yet", {}, 1, 1, false],
    ["it was ordered to another level before", { statuses: stands("offered", "tls") }, 1, 1, false],
    ["it failed under another change", { statuses: stands("failed") }, 1, 1, false],
    ["an earlier run of central told it", { statuses: stands("offered") }, 0, 1, false],
    [
      "it was told, and is on its way",
      { statuses: stands("offered"), told: told(1, NOW_MS) },
      0,
      1,
      false,
    ],
    ["it says that it has climbed", { statuses: stands("applied"), told: told(1, 0) }, 0, 0, true],
    [
      "it failed just now",
      { statuses: stands("failed"), told: told(1, NOW_MS - 2_999) },
      0,
      1,
      false,
    ],
    [
      "it failed a while ago",
      { statuses: stands("failed"), told: told(1, NOW_MS - 3_000) },
      1,
      1,
      false,
    ],
    ["it failed too often", { statuses: stands("failed"), told: told(MOST_TRIES, 0) }, 0, 0, true],
    ["somebody took the order back", { told: told(1, 0) }, 0, 0, true],
    ["it is not linked: it is told when it comes", { climbing: [one("a", false)] }, 1, 0, true],
    [
      "it has nowhere to climb",
      { climbing: [{ id: "a", moveTo: null, isWatched: true }] },
      0,
      0,
      true,
    ],
  ];
  for (const [what, change, tell, moving, isLast] of cases) {
    it(what, () => {
      const wave = nextWave(facts(change));
      assert.deepEqual([wave.tell.length, wave.moving, wave.isLast], [tell, moving, isLast]);
    });
  }

  it("are so many at once, or so many more as the window asks for", () => {
    assert.equal(nextWave(facts({ climbing: many(500) })).tell.length, LEAST_AT_ONCE);
    // 30 turns in a quarter of the window.
    assert.equal(nextWave(facts({ climbing: many(6_000) })).tell.length, 200);
  });

  it("are the next ones while others are on the way, and those that fell silent hold no place", () => {
    const climbing = many(LEAST_AT_ONCE + 10);
    const silent = climbing.slice(0, LEAST_AT_ONCE);
    const statuses = new Map(
      silent.map(({ id }) => [id, { level: "mtls", status: "offered", error: "" } as const]),
    );
    const since = (atMs: number) => new Map(silent.map(({ id }) => [id, { tries: 1, atMs }]));
    const tell = (atMs: number) =>
      nextWave(facts({ climbing, statuses, told: since(atMs) })).tell.length;
    assert.equal(tell(NOW_MS - 14_000), 0);
    assert.equal(tell(NOW_MS - 15_000), 10);
  });

  it("those that failed come after those that were never told", () => {
    const climbing = [one("a"), ...many(LEAST_AT_ONCE)];
    const { tell } = nextWave(facts({ climbing, statuses: stands("failed"), told: told(1, 0) }));
    assert.ok(!tell.includes("a"));
  });

  it("all that climb are told in the end, each at most so often, however they fare", () => {
    const fares = fc.array(fc.constantFrom("applied", "failed", "silent"), { maxLength: 200 });
    fc.assert(
      fc.property(fares, (fates) => {
        const climbing = many(fates.length);
        const statuses = new Map<string, OrderStatus>();
        const heard = new Map<string, Told>();
        for (let spentMs = 0; spentMs < WINDOW_MS; spentMs += 1_000) {
          const wave = nextWave(facts({ climbing, statuses, told: heard, spentMs }));
          for (const id of wave.tell) {
            heard.set(id, { tries: (heard.get(id)?.tries ?? 0) + 1, atMs: spentMs });
            const fate = fates[Number(id.slice("agent-".length))] ?? "silent";
            const status = fate === "silent" ? "offered" : fate;
            statuses.set(id, { level: "mtls", status, error: "" });
          }
        }
        for (const [at, fate] of fates.entries()) {
          assert.equal(heard.get(`agent-${at}`)?.tries, fate === "failed" ? MOST_TRIES : 1);
        }
      }),
    );
  });

  it("after the window there is an end, however they fare and whatever they have been told before", () => {
    const fate = fc.constantFrom("applied", "failed", "silent", "gone");
    const before = fc.record({ fate, tries: fc.nat(MOST_TRIES), agoMs: fc.nat(WINDOW_MS) });
    fc.assert(
      fc.property(fc.array(before, { maxLength: 200 }), (agents) => {
        const climbing = many(agents.length);
        const statuses = new Map<string, OrderStatus>();
        const heard = new Map<string, Told>();
        const settle = (id: string, fares: (typeof agents)[number]["fate"]): void => {
          const status = fares === "silent" || fares === "gone" ? "offered" : fares;
          if (fares === "gone") statuses.delete(id);
          else statuses.set(id, { level: "mtls", status, error: "" });
        };
        for (const [at, { fate: fares, tries, agoMs }] of agents.entries()) {
          if (tries === 0) continue;
          heard.set(`agent-${at}`, { tries, atMs: -agoMs });
          settle(`agent-${at}`, fares);
        }
        let spentMs = 0;
        for (; ; spentMs += 1_000) {
          const wave = nextWave(facts({ climbing, statuses, told: heard, spentMs }));
          if (wave.isOver) break;
          assert.ok(spentMs < WINDOW_MS, "it does not end");
          for (const id of wave.tell) {
            heard.set(id, { tries: (heard.get(id)?.tries ?? 0) + 1, atMs: spentMs });
            settle(id, agents[Number(id.slice("agent-".length))]?.fate ?? "silent");
          }
        }
        for (const { id } of climbing) assert.ok((heard.get(id)?.tries ?? 0) > 0, "all were told");
        for (const { tries } of heard.values()) assert.ok(tries <= MOST_TRIES);
      }),
    );
  });
});
