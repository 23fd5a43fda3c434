import assert from "node:assert/strict";
import { test } from "node:test";
import { isHostPort, isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { formatHostPort, parseHostPort } from "./addresses.ts";

test("any text is an address that formats to one, or link.address_malformed", () => {
  const likely = fc.tuple(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.string()), fc.nat(70_000));
  const text = fc.oneof(
    fc.string(),
    likely.map(([host, port]) => formatHostPort(host, port)),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      try {
        const { host, port } = parseHostPort(candidate, 9150);
        const formatted = formatHostPort(host, port);
        assert.ok(isHostPort(formatted), formatted);
        assert.deepEqual(parseHostPort(formatted, 1), { host, port });
      } catch (error) {
        assert.ok(isTautlineError(error), String(error));
        assert.equal(error.code, "link.address_malformed");
      }
    }),
  );
});
