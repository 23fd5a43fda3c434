import assert from "node:assert/strict";
import { test } from "node:test";
import { type MoveOfferState, OFFER_LOST_AFTER_MS, shouldOfferMove } from "./move-rule.ts";

const NOW = 1_800_000_000_000;

const TABLE: readonly [name: string, state: Partial<MoveOfferState>, offers: boolean][] = [
  ["ordered and not offered yet", { status: "waiting" }, true],
  ["ordered long ago, as its agent was away", { status: "waiting", atMs: 0 }, true],
  ["nothing ordered", { status: "unset" }, false],
  ["climbed", { status: "applied", atMs: 0 }, false],
  ["failed, however long ago", { status: "failed", atMs: 0 }, false],
  ["offered just now", {}, false],
  ["offered almost a minute ago", { atMs: NOW - OFFER_LOST_AFTER_MS + 1 }, false],
  ["F3: offered a minute ago, and no word of it", { atMs: NOW - OFFER_LOST_AFTER_MS }, true],
  ["F8: offered in a future that a clock set back left behind", { atMs: NOW + 1 }, true],
];

for (const [name, state, offers] of TABLE) {
  test(`${name}: the level is ${offers ? "offered" : "not offered"}`, () => {
    assert.equal(shouldOfferMove({ status: "offered", atMs: NOW, nowMs: NOW, ...state }), offers);
  });
}
