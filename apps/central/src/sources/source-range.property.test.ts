import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { isInRanges, parseSourceRange, type SourceRange } from "./source-range.ts";

const address = fc.oneof(fc.ipV4(), fc.ipV6());
const text = fc.oneof(
  fc.string(),
  address,
  fc.tuple(address, fc.nat(140)).map(([ip, bits]) => `${ip}/${bits}`),
);

function read(written: string): SourceRange | undefined {
  try {
    return parseSourceRange(written);
  } catch (error) {
    assert.ok(isTautlineError(error) && error.code === "policy.source_range", String(error));
    return undefined;
  }
}

test("any text is a range that reads back as itself, or the one refusal", () => {
  fc.assert(
    fc.property(text, (written) => {
      const range = read(written);
      if (range === undefined) return;
      assert.deepEqual(parseSourceRange(range.text), range);
      assert.ok(isInRanges([range], range.text.split("/")[0] ?? ""), "its lowest address is in it");
    }),
  );
});

test("who is in a range is whom Node's own list of blocks says", () => {
  const bits = fc.oneof(fc.integer({ min: 8, max: 32 }), fc.integer({ min: 16, max: 128 }));
  fc.assert(
    fc.property(address, bits, fc.array(address, { minLength: 1 }), (ip, count, callers) => {
      // The lowest address of the range is what its refusal names.
      const range = read(`${ip}/${count}`) ?? lowest(ip, count);
      if (range === undefined) return;
      const list = new BlockList();
      const [start = ""] = range.text.split("/");
      list.addSubnet(start, range.bits, familyOf(start));
      for (const caller of [...callers, ip]) {
        // Node takes IPv4 for a part of IPv6; a range of the one is none of the other here.
        const isMapped = /^[0:]*ffff:/i.test(caller);
        if (isMapped || familyOf(caller) !== familyOf(start)) continue;
        assert.equal(isInRanges([range], caller), list.check(caller, familyOf(caller)), caller);
      }
    }),
  );
});

function familyOf(ip: string): "ipv4" | "ipv6" {
  return isIP(ip) === 4 ? "ipv4" : "ipv6";
}

function lowest(ip: string, bits: number): SourceRange | undefined {
  try {
    return parseSourceRange(`${ip}/${bits}`);
  } catch (error) {
    assert.ok(isTautlineError(error));
    const [, shown] = / another: (\S+)$/.exec(String(error.detail["reason"])) ?? [];
    return shown === undefined ? undefined : parseSourceRange(shown);
  }
}
