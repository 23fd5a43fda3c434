import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { CAPABILITY_STATUS, customMessage, type KeptStatus, statusText } from "@tautline/protocol";
import type { StatusChange } from "../fleet/save-status.ts";
import { hasStatusOf } from "./kept-status.ts";

const KEPT: KeptStatus = {
  attributes: { b: "2", a: "1" },
  health: { healthy: true, status: "", lastError: "" },
  config: { hash: null, status: "unset", error: "" },
};
const ROW = {
  attributes: JSON.stringify(KEPT.attributes),
  health: JSON.stringify(KEPT.health),
  config_hash: null,
  config_status: "unset",
  config_error: "",
} as const;

const digestOf = (status: KeptStatus): Uint8Array =>
  createHash("sha256").update(statusText(status)).digest();
const told = (data: Uint8Array) => ({
  customMessage: customMessage(CAPABILITY_STATUS, "unchanged", data),
});

const sick = { healthy: false, status: "", lastError: "disk" };
const rows: {
  name: string;
  row?: object;
  change?: StatusChange;
  data: Uint8Array;
  has: boolean;
}[] = [
  { name: "the same status", data: digestOf(KEPT), has: true },
  { name: "another status", data: digestOf({ ...KEPT, attributes: {} }), has: false },
  { name: "no digest", data: new Uint8Array(), has: false },
  {
    name: "a status that this message makes the same",
    change: { health: sick },
    data: digestOf({ ...KEPT, health: sick }),
    has: true,
  },
  {
    name: "a status whose change this message left out",
    data: digestOf({ ...KEPT, health: sick }),
    has: false,
  },
  {
    name: "a row of a restored backup, before the first status",
    row: { attributes: "{}", health: null },
    data: digestOf(KEPT),
    has: false,
  },
];

describe("hasStatusOf", () => {
  for (const { name, row = {}, change = {}, data, has } of rows) {
    it(`says ${has} for ${name}`, () => {
      assert.equal(hasStatusOf({ ...ROW, ...row }, change, told(data)), has);
    });
  }

  it("says false for agents of others, which tell no digest", () => {
    assert.equal(hasStatusOf(ROW, {}, { customMessage: undefined }), false);
  });
});
