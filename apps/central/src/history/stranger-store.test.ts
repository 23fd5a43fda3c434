import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withHistory } from "./fixture-history.test.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { DAY_MS } from "./span.ts";
import {
  createStrangerStore,
  type StrangerAttempts,
  type StrangerStore,
} from "./stranger-store.ts";

const CODE = "enrolment.token_unknown";

interface Ground {
  readonly strangers: StrangerStore;
  readonly advance: (ms: number) => number;
  readonly now: () => number;
}

const withStrangers = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withHistory(async ({ store, clock }) => {
    const { now, advance } = clock;
    await use({ strangers: createStrangerStore({ store, now, days: 90 }), advance, now });
  });

/** As many networks as one likes. */
const address = (at: number): string => `10.${at >> 8}.${at & 255}.1`;
const sum = (seen: readonly StrangerAttempts[]): number =>
  seen.reduce((total, { attempts }) => total + attempts, 0);
const other = (seen: readonly StrangerAttempts[]): StrangerAttempts | undefined =>
  seen.find(({ network }) => network === "other");

async function fill(strangers: StrangerStore, now: () => number, from: number, to: number) {
  for (let at = from; at < to; at += 1) {
    strangers.note(CODE, address(at), now());
    if ((at + 1) % HISTORY_LIMITS.waitingNetworks === 0) await strangers.flush();
  }
  await strangers.flush();
}

describe("StrangerStore", () => {
  it("adds up attempts of one network and reason, the latest first", () =>
    withStrangers(async ({ strangers, now, advance }) => {
      const firstMs = now();
      strangers.note(CODE, "192.0.2.1", firstMs);
      await strangers.flush();
      const lastMs = advance(5_000);
      strangers.note(CODE, "192.0.2.99", lastMs);
      strangers.note("admission.credential_missing", "192.0.2.1", firstMs);
      await strangers.flush();
      const network = "192.0.2.0/24";
      assert.deepEqual(await strangers.since(0), [
        { network, code: CODE, firstMs, lastMs, attempts: 2 },
        {
          network,
          code: "admission.credential_missing",
          firstMs,
          lastMs: firstMs,
          attempts: 1,
        },
      ]);
      assert.equal((await strangers.since(lastMs)).length, 1);
    }));

  it("A20: more networks than may wait are counted as 'other'", () =>
    withStrangers(async ({ strangers, now }) => {
      const most = HISTORY_LIMITS.waitingNetworks;
      for (let at = 0; at < most; at += 1) strangers.note(CODE, address(at), now());
      strangers.note(CODE, address(0), now());
      strangers.note(CODE, address(most), now());
      await strangers.flush();
      const seen = await strangers.since(0);
      assert.equal(seen.length, most + 1);
      assert.equal(other(seen)?.attempts, 1);
      assert.equal(sum(seen), most + 2);
    }));

  it("A20: more networks than are kept are counted as 'other', and the daily fold makes room by the oldest", () =>
    withStrangers(async ({ strangers, now, advance }) => {
      const most = HISTORY_LIMITS.networks;
      await fill(strangers, now, 0, most);
      assert.equal((await strangers.since(0)).length, most);
      advance(1_000);
      strangers.note(CODE, address(most), now());
      strangers.note(CODE, address(0), now());
      await strangers.flush();
      const full = await strangers.since(0);
      assert.deepEqual([full.length, other(full)?.attempts], [most + 1, 1]);
      assert.equal(await strangers.fold(), false);
      const folded = await strangers.since(0);
      assert.ok(folded.length < most);
      assert.equal(sum(folded), most + 2);
      assert.ok(folded.some(({ network }) => network === "10.0.0.0/24"));
      strangers.note(CODE, address(most + 1), now());
      await strangers.flush();
      assert.equal((await strangers.since(0)).length, folded.length + 1);
    }));

  it("folds silent networks into 'other' a part a call, and deletes no count", () =>
    withStrangers(async ({ strangers, now, advance }) => {
      await fill(strangers, now, 0, 300);
      advance(90 * DAY_MS);
      assert.equal(await strangers.fold(), false);
      assert.equal((await strangers.since(0)).length, 300);
      advance(1);
      assert.equal(await strangers.fold(), true);
      assert.equal(await strangers.fold(), false);
      const [only, ...others] = await strangers.since(0);
      assert.deepEqual([only?.network, only?.attempts, others], ["other", 300, []]);
    }));

  it("F8: what a clock wrote far ahead is shown as now, and put right by the next attempt", () =>
    withStrangers(async ({ strangers, now, advance }) => {
      advance(500 * DAY_MS);
      strangers.note(CODE, "192.0.2.1", now());
      await strangers.flush();
      const nowMs = advance(-499 * DAY_MS);
      assert.equal((await strangers.since(0))[0]?.lastMs, nowMs);
      strangers.note(CODE, "192.0.2.1", nowMs);
      await strangers.flush();
      advance(DAY_MS);
      assert.equal((await strangers.since(0))[0]?.lastMs, nowMs);
    }));
});
