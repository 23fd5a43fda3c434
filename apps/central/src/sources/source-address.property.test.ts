import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { sourceOf } from "./source-address.ts";

describe("sourceOf", () => {
  it("never throws, and gives the source of a source unchanged for IPv4", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
        assert.equal(typeof sourceOf(text), "string");
      }),
    );
    fc.assert(fc.property(fc.ipV4(), (address) => assert.equal(sourceOf(address), address)));
  });

  it("is the /64 of every IPv6 address that is no written IPv4", () => {
    const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        assert.equal(sourceOf(groups.join(":")), `${groups.slice(0, 4).join(":")}::/64`);
      }),
    );
  });
});
