import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FAILED_AGAIN_AFTER_MS,
  OFFER_LOST_AFTER_MS,
  shouldOfferAddresses,
  type AddressOfferState,
} from "./address-offer.ts";

const NOW = 1_800_000_000_000;

function state(change: Partial<AddressOfferState>): AddressOfferState {
  const offered = { offeredHash: "aa", status: "offered", atMs: NOW } as const;
  return { wantedHash: "aa", wantedSinceMs: 0, ...offered, nowMs: NOW, ...change };
}

const TABLE: readonly [name: string, change: Partial<AddressOfferState>, offers: boolean][] = [
  ["never offered", { offeredHash: null, status: "unset" }, true],
  ["offered others before", { offeredHash: "bb", status: "applied" }, true],
  ["applied", { status: "applied" }, false],
  ["applied, then set again to the same", { status: "applied", wantedSinceMs: NOW + 1 }, false],
  ["offered just now", {}, false],
  ["offered, and no word of it", { atMs: NOW - OFFER_LOST_AFTER_MS }, true],
  ["offered almost so long ago", { atMs: NOW - OFFER_LOST_AFTER_MS + 1 }, false],
  ["failed just now", { status: "failed" }, false],
  ["failed and set again", { status: "failed", wantedSinceMs: NOW + 1 }, true],
  ["failed an hour ago", { status: "failed", atMs: NOW - FAILED_AGAIN_AFTER_MS }, true],
  ["failed almost so long ago", { status: "failed", atMs: NOW - FAILED_AGAIN_AFTER_MS + 1 }, false],
  ["F8: offered in a future that a clock set back left behind", { atMs: NOW + 1 }, true],
];

for (const [name, change, offers] of TABLE) {
  test(`${name}: the addresses are ${offers ? "offered" : "not offered"}`, () => {
    assert.equal(shouldOfferAddresses(state(change)), offers);
  });
}
