import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LINK_KINDS } from "@tautline/protocol";
import { createCatalogue } from "./catalogue.ts";
import { coarseProfile, type EvidenceProfile } from "./evidence-profile.ts";
import { withHistory } from "./fixture-history.test.ts";
import { HISTORY_LIMITS } from "./history-limits.ts";
import { OTHER, type Place } from "./place.ts";

const profile: EvidenceProfile = { ...coarseProfile("mtls"), cipher: "c", pq: true };
const place: Place = { kind: "control", component: "agent", profile, code: "" };

const named = (at: number): Place => ({ ...place, component: `c${at}` });
const shown = (at: number, level: "mtls" | "tls" = "mtls"): Place => ({
  ...place,
  profile: { ...profile, level, cipher: `c${at}` },
});

describe("Catalogue", () => {
  it("gives back each place that it gave numbers to, also to another central on the database", () =>
    withHistory(async ({ store }) => {
      const [one, other] = [createCatalogue(store), createCatalogue(store)];
      const places = LINK_KINDS.flatMap((kind) => [
        { ...place, kind },
        { ...place, kind, code: "opamp.not_your_id", component: "opamp.not_your_id" },
        { ...place, kind, profile: { ...profile, credential: "key" as const, group: "x" } },
      ]);
      await other.learn([]);
      await one.learn(places);
      const keys = places.map((each) => one.keyOf(each));
      assert.equal(new Set(keys.map((key) => JSON.stringify(key))).size, places.length);
      assert.deepEqual(await one.placesOf(keys), places);
      assert.deepEqual(await other.placesOf(keys), places);
      await other.learn(places);
      assert.deepEqual(
        places.map((each) => other.keyOf(each)),
        keys,
      );
    }));

  it("F12: numbers that nobody gave are damage, never served", () =>
    withHistory(async ({ store }) => {
      const catalogue = createCatalogue(store);
      await catalogue.learn([place]);
      const key = catalogue.keyOf(place);
      for (const wrong of [{ kind: 9 }, { component: 99 }, { profile: 99 }, { code: 99 }]) {
        await assert.rejects(catalogue.placesOf([key, { ...key, ...wrong }]), {
          code: "store.damaged",
        });
      }
    }));

  it("components beyond the bound share the number of 'other'", () =>
    withHistory(async ({ store }) => {
      const catalogue = createCatalogue(store);
      // One of them is 'other' itself.
      const most = HISTORY_LIMITS.components - 1;
      await catalogue.learn(Array.from({ length: most }, (_, at) => named(at)));
      await catalogue.learn([named(most)]);
      const [last, over] = await catalogue.placesOf([
        catalogue.keyOf(named(most - 1)),
        catalogue.keyOf(named(most)),
      ]);
      assert.deepEqual([last?.component, over?.component], [`c${most - 1}`, OTHER]);
    }));

  it("profiles beyond the bound are told by their level alone, which is never without a number", () =>
    withHistory(async ({ store }) => {
      const catalogue = createCatalogue(store);
      const most = HISTORY_LIMITS.profiles - 1;
      await catalogue.learn(Array.from({ length: most }, (_, at) => shown(at)));
      await catalogue.learn([shown(most), shown(most, "tls")]);
      const read = await catalogue.placesOf([
        catalogue.keyOf(shown(most - 1)),
        catalogue.keyOf(shown(most)),
        catalogue.keyOf(shown(most, "tls")),
      ]);
      assert.deepEqual(
        read.map((each) => each.profile),
        [shown(most - 1).profile, coarseProfile("mtls"), coarseProfile("tls")],
      );
    }));
});
