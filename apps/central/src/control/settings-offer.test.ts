import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OFFER_AGAIN_AFTER_MS, shouldOfferSettings, type OfferState } from "./settings-offer.ts";

const state: OfferState = {
  wantedHash: "aa",
  wantedIsEmpty: false,
  reportedHash: null,
  reportedStatus: "unset",
  offered: undefined,
};
const justNow = { hash: "aa", ageMs: 0 };

const rows: { name: string; state: OfferState; offer: boolean }[] = [
  { name: "an agent that never had settings is offered them", state, offer: true },
  {
    name: "where nothing was ever set, nothing is offered",
    state: { ...state, wantedIsEmpty: true },
    offer: false,
  },
  {
    name: "an agent whose settings were all unset again is offered the empty ones",
    state: { ...state, wantedIsEmpty: true, reportedHash: "bb", reportedStatus: "applied" },
    offer: true,
  },
  {
    name: "an agent that applied them is left alone",
    state: { ...state, reportedHash: "aa", reportedStatus: "applied" },
    offer: false,
  },
  {
    name: "an agent that runs older ones is offered the new",
    state: { ...state, reportedHash: "bb", reportedStatus: "applied" },
    offer: true,
  },
  {
    name: "an offer just made is not made twice",
    state: { ...state, offered: justNow },
    offer: false,
  },
  {
    name: "a refused offer is not repeated in this session",
    state: {
      ...state,
      reportedHash: "aa",
      reportedStatus: "failed",
      offered: { hash: "aa", ageMs: OFFER_AGAIN_AFTER_MS },
    },
    offer: false,
  },
  {
    name: "a refused offer is made again in a new session",
    state: { ...state, reportedHash: "aa", reportedStatus: "failed" },
    offer: true,
  },
  {
    name: "an offer that got no word within a minute is made again",
    state: { ...state, offered: { hash: "aa", ageMs: OFFER_AGAIN_AFTER_MS } },
    offer: true,
  },
  {
    name: "new settings are offered at once although older ones are still on their way",
    state: { ...state, offered: { hash: "bb", ageMs: 1 } },
    offer: true,
  },
];

describe("shouldOfferSettings", () => {
  for (const row of rows) {
    it(row.name, () => {
      assert.equal(shouldOfferSettings(row.state), row.offer);
    });
  }
});
